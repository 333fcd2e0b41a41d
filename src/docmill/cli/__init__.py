"""The command line. What is heavy is imported inside the command that needs it, so that help is instant."""

import sys

# httpx imports its own command line, a tenth of a second, where Click is installed; it does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def main() -> None:
    """Run `docmill` with this process's arguments and leave with its exit code."""
    from docmill.cli.app import run

    run()
