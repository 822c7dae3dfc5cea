"""`drive check`: what is wrong with a data set."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from drive.cli.common import show

HELP = "find out what is wrong with a data set"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("data", type=Path, help="a nuScenes-format data set (the folder that holds v1.0-*)")
    verb.add_argument("--version", help="the v1.0-* folder, where there are several")


def run(args: argparse.Namespace) -> int:
    """`drive check DATA`."""
    from drive.data.check import check_dataset

    args.progress.begin(f"checking {args.data}")
    report = check_dataset(args.data, args.version)
    args.progress.end()
    found = [("error", finding) for finding in report.errors] + [("warning", finding) for finding in report.warnings]
    show(args, str(report), [{"severity": severity, **asdict(finding)} for severity, finding in found])
    return 1 if report.errors else 0
