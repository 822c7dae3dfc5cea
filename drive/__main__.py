"""`python -m drive`: the same as the `drive` command."""

from drive.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
