"""The libraries under docmill keep to themselves: no usage reports, no files in somebody's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EMBED = """
from docmill.adapters.embedders import make_embedder
from docmill.settings import Settings
make_embedder(Settings()).embed(["The ferry leaves at nine."])
import sys
assert sys.modules["openvino"] and sys.modules["openvino_telemetry"] is None
"""


def test_embedding_leaves_no_trace_in_the_home_of_its_user(tmp_path: Path) -> None:
    # Left out: what would make the libraries take this for a build server, where they are silent anyway.
    plain = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    command = [sys.executable, "-c", EMBED]
    subprocess.run(command, env={**plain, "HOME": str(tmp_path)}, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
