"""`drive check`: what is wrong with a data set, with records, with answers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from drive.cli.common import DATA, show
from drive.cli.pictures import pictures_arguments, told_of

if TYPE_CHECKING:
    from drive.data.check.report import CheckReport

HELP = "find out what is wrong with a data set, or with recorded answers: each is recomputed from its target"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("data", type=Path, help=f"{DATA}; or answers: a folder of JSONL, LLaVA's or DriveLM's file")
    verb.add_argument("--version", help="the v1.0-* folder, of nuScenes tables, where there are several")
    verb.add_argument("--source", type=Path, metavar="DATA", help="of answers: the data set that they were packed from")
    verb.add_argument("--files-only", action="store_true", help="of records: only whether files are whole, no answer is recomputed")
    pictures_arguments(verb)


def run(args: argparse.Namespace) -> int:
    """`drive check DATA`, `drive check ANSWERS --source DATA`."""
    from drive.data.layouts import layout_of
    from drive.records.answer_files import form_of

    args.progress.begin(f"checking {args.data}")
    looks_like_answers = args.data.exists() and form_of(args.data) is not None and layout_of(args.data) is None
    report = _answers(args) if looks_like_answers or args.source else _data(args)
    args.progress.end()
    found = [("error", finding) for finding in report.errors] + [("warning", finding) for finding in report.warnings]
    show(args, str(report), [{"severity": severity, **asdict(finding)} for severity, finding in found])
    return 1 if report.errors else 0


def _data(args: argparse.Namespace) -> CheckReport:
    from drive.data.check import check_dataset
    from drive.data.records.index import is_records

    report = check_dataset(args.data, args.version, told_of(args))
    if is_records(args.data) and "samples" in report.counts and not args.files_only:
        from drive.records.check import check_packed

        check_packed(args.data, report, args.progress)
    return report


def _answers(args: argparse.Namespace) -> CheckReport:
    from drive.data.dataset import open_dataset
    from drive.records.answer_files import form_of
    from drive.records.check import check_answers

    if not args.data.exists():
        raise FileNotFoundError(f"no answers at {args.data}: no such file or folder")
    if form_of(args.data) is None:
        raise ValueError(f"{args.data} holds no answers: --source goes with a folder of JSONL, or with LLaVA's or DriveLM's file")
    if args.source is None and args.data.name == "plans.json":
        raise ValueError(f"{args.data} holds plans: `drive eval DATA --plans {args.data}` says what is wrong with them, and scores them")
    if args.source is None:
        raise ValueError(f"{args.data} holds answers, which are recomputed from the data that they were packed from: --source DATA")
    return check_answers(args.data, open_dataset(args.source, lanes=True), args.progress)
