"""`drive check`: what is wrong with a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "find out what is wrong with a data set"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("data", type=Path, help="a nuScenes-format data set (the folder that holds v1.0-*)")
    verb.add_argument("--version", help="the v1.0-* folder, where there are several")


def run(args: argparse.Namespace) -> int:
    """`drive check DATA`."""
    from drive.data.check import check_dataset

    report = check_dataset(args.data, args.version)
    print(report)
    return 1 if report.errors else 0
