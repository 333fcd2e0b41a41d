"""The number formats of the model, and the one that a processor computes quickest."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Precision = Literal["f32", "bf16", "int8"]

_CPUINFO = Path("/proc/cpuinfo")


def quickest() -> Precision:
    """The format for this machine; f32 where nothing is known of its processor."""
    try:
        return quickest_for(_CPUINFO.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return "f32"


def quickest_for(cpuinfo: str) -> Precision:
    """The format for processors that the kernel describes so.

    Measured, see docs/adr/0004: bf16 pays with AMX and with AMD's AVX-512. Intel's AVX-512 without AMX knows
    bf16 too, and is slower with it than with f32.
    """
    facts = {name.strip(): value for name, _, value in (line.partition(":") for line in cpuinfo.splitlines())}
    flags = facts.get("flags", "").split()
    if "amx_bf16" in flags or ("avx512_bf16" in flags and "AuthenticAMD" in facts.get("vendor_id", "")):
        return "bf16"
    return "int8" if "avx512_vnni" in flags else "f32"
