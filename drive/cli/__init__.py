"""The `drive` command: one verb, one file; each has HELP, `arguments(parser)` and `run(args) -> exit status`.

Heavy imports wait until a verb runs. Exit status: 0 done, 1 done but something failed or is wrong, 2 bad usage or input.
"""

from __future__ import annotations

import argparse
import sys

from drive.cli import bench, check, make, plan, sim, train, view
from drive.cli import eval as evaluate

VERBS = {"check": check, "plan": plan, "eval": evaluate, "view": view, "sim": sim, "make": make, "train": train, "bench": bench}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status. Bad input prints one line, not a traceback."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and not getattr(args, "overrides", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    try:
        return int(args.run(args) or 0)
    except (ValueError, FileNotFoundError) as error:
        print(f"drive {args.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"drive {args.verb}: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="drive", description="End-to-end driving: cameras in, trajectory tokens out.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        one = verbs.add_parser(name, help=verb.HELP)
        verb.arguments(one)
        one.set_defaults(run=verb.run, overrides=getattr(verb, "OVERRIDES", False))
    return parser
