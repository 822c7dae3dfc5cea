"""`drive eval`: scores of planners and of plans files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drive.cli.common import PLANNER, data_arguments, show, show_tracebacks, words

if TYPE_CHECKING:
    from drive.eval.plans import PlanFile
    from drive.eval.rules import Rules
    from drive.schema import Planner

HELP = "score planners or anybody's plans.json"
ROWS = True
FILES = (".npz", ".json")


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out="folder for the report and the page")
    verb.add_argument("--planner", default="", help=f"{PLANNER}; several with commas")
    verb.add_argument("--plans", type=Path, nargs="+", default=[], help="plans files (exchange JSON)")
    verb.add_argument("--protocol", default="exact", help="protocol names with commas, or all that take DATA (default: exact)")
    verb.add_argument("--pairs", action="store_true", help="compare every two planners (default: each with constant velocity)")
    verb.add_argument("--published", action="store_true", help="add published results of the same protocols")


def run(args: argparse.Namespace) -> int:
    """`drive eval DATA`."""
    args.progress.begin("loading")
    from drive.eval.choose import choose_protocols
    from drive.eval.evaluate import evaluate
    from drive.eval.page import write_report
    from drive.eval.plans import load_plans
    from drive.eval.report import LOG
    from drive.eval.table import text_table
    from drive.outputs import writable_folder

    chosen = choose_protocols(words(args.protocol), args.data if args.data.is_file() or args.data.suffix in FILES else None)
    if args.out:
        writable_folder(args.out)
    specs = [spec for spec in words(args.planner) if spec != LOG]
    planners: list[Planner] = []
    if specs:
        from drive.planners.load import load_planner

        args.progress.begin(f"loading {', '.join(specs)}")
        planners = [load_planner(spec) for spec in specs]
    files = [load_plans(path) for path in args.plans]
    data = opened(args, chosen, planners, files)
    names = [rules.name for rules in chosen]
    report = evaluate(data, planners, files, names, args.published, progress=args.progress, pairs=args.pairs, limit=args.limit)
    report.settings.update(data=args.data.name if isinstance(data, Path) else data.name, split=args.split, limit=args.limit)
    args.progress.begin("writing the report")
    written = f"{report.save(args.out)}, {write_report(report, args.out)}" if args.out else ""
    args.progress.end()
    show(args, text_table(report), report.rows, written)
    show_tracebacks(args, ((f"{f['planner']} in {f['token']}", f["traceback"]) for f in report.failures if f.get("traceback")))
    return 1 if report.failed else 0


def opened(args: argparse.Namespace, chosen: Sequence[Rules], planners: Sequence[Planner], files: Sequence[PlanFile]) -> Any:
    """The data set with the planners' window, or the path of a benchmark's file. Raises ValueError where plans files or options
    cannot be used with it, before anything is read."""
    from drive.eval.openloop.protocol import Protocol

    if not isinstance(chosen[0], Protocol):
        if args.split:
            raise ValueError(f"--split chooses scenes of a data set; {args.data} is a file (--limit takes its first cases)")
        return args.data
    from drive.asking import common_window
    from drive.data.dataset import open_dataset

    window = common_window(planners)
    for file in files:
        file.require_usable(window.future_times_s)
    args.progress.begin(f"opening {args.data}")
    needs_map = any(isinstance(rules, Protocol) and rules.uses_map for rules in chosen)
    return open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=needs_map)
