"""`drive check`: what is wrong with a data set."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from drive.cli.common import DATA, show
from drive.cli.pictures import pictures_arguments, told_of

HELP = "find out what is wrong with a data set"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("data", type=Path, help=DATA)
    verb.add_argument("--version", help="the v1.0-* folder, of nuScenes tables, where there are several")
    pictures_arguments(verb)


def run(args: argparse.Namespace) -> int:
    """`drive check DATA`."""
    from drive.data.check import check_dataset

    args.progress.begin(f"checking {args.data}")
    report = check_dataset(args.data, args.version, told_of(args))
    args.progress.end()
    found = [("error", finding) for finding in report.errors] + [("warning", finding) for finding in report.warnings]
    show(args, str(report), [{"severity": severity, **asdict(finding)} for severity, finding in found])
    return 1 if report.errors else 0
