"""`drive eval`: scores of planners and of plans files."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.common import PLANNER, data_arguments, show, show_tracebacks, words

HELP = "score planners or anybody's plans.json"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out="folder for the report and the page")
    verb.add_argument("--planner", default="", help=f"{PLANNER}; several with commas")
    verb.add_argument("--plans", type=Path, nargs="+", default=[], help="plans files (exchange JSON)")
    verb.add_argument("--protocol", default="exact", help="protocol names with commas, or all")
    verb.add_argument("--pairs", action="store_true", help="compare every two planners (default: each with constant velocity)")
    verb.add_argument("--published", action="store_true", help="add published results of the same protocols")


def run(args: argparse.Namespace) -> int:
    """`drive eval DATA`."""
    args.progress.begin("loading")
    from drive.data.dataset import open_dataset
    from drive.eval.evaluate import choose_protocols, evaluate
    from drive.eval.page import write_report
    from drive.eval.plans import load_plans
    from drive.eval.report import LOG
    from drive.eval.table import text_table
    from drive.outputs import writable_folder
    from drive.schema import Window

    chosen = choose_protocols(words(args.protocol))
    if args.out:
        writable_folder(args.out)
    specs = [spec for spec in words(args.planner) if spec != LOG]
    planners, window = [], Window()
    if specs:
        from drive.planners.load import common_window, load_planner

        args.progress.begin(f"loading {', '.join(specs)}")
        planners = [load_planner(spec) for spec in specs]
        window = common_window(planners)
    files = [load_plans(path) for path in args.plans]
    for file in files:
        file.require_usable(window.future_times_s)
    args.progress.begin(f"opening {args.data}")
    needs_map = any(protocol.uses_map for protocol in chosen)
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=needs_map)
    report = evaluate(dataset, planners, files, [p.name for p in chosen], args.published, progress=args.progress, pairs=args.pairs)
    report.settings.update(data=dataset.name, split=args.split, limit=args.limit)
    args.progress.begin("writing the report")
    written = f"{report.save(args.out)}, {write_report(report, args.out)}" if args.out else ""
    args.progress.end()
    show(args, text_table(report), report.rows, written)
    show_tracebacks(args, ((f"{f['planner']} in {f['token']}", f["traceback"]) for f in report.failures if f.get("traceback")))
    return 1 if report.failed else 0
