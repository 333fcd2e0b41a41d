"""`python -m docmill`: the command line."""

from docmill.cli import main

if __name__ == "__main__":
    main()
