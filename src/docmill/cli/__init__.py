"""The command line. What is heavy is imported inside the command that needs it, so that help is instant."""


def main() -> None:
    """Run `docmill` with this process's arguments and leave with its exit code."""
    from docmill.cli.app import run

    run()
