"""`drive eval`: scores of planners and of plans files."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.common import data_arguments, print_count

HELP = "score planners or anybody's plans.json"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb)
    verb.add_argument("--planner", default="", help="checkpoint folder, planner name or module:Class; several with commas")
    verb.add_argument("--plans", type=Path, nargs="+", default=[], help="plans files (exchange JSON)")
    verb.add_argument("--protocol", default="exact", help="protocol names with commas, or all")
    verb.add_argument("--published", action="store_true", help="add published results of the same protocols")


def run(args: argparse.Namespace) -> int:
    """`drive eval DATA`."""
    from drive.data.dataset import open_dataset
    from drive.eval.evaluate import choose_protocols, evaluate
    from drive.eval.page import write_report
    from drive.eval.report import LOG
    from drive.eval.table import text_table
    from drive.schema import Window

    chosen = choose_protocols(args.protocol.split(","))
    specs = [spec for spec in args.planner.split(",") if spec and spec != LOG]
    planners, window = [], Window()
    if specs:
        from drive.planner import common_window, load_planner

        planners = [load_planner(spec) for spec in specs]
        window = common_window(planners)
    needs_map = any(protocol.uses_map for protocol in chosen)
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=needs_map)
    report = evaluate(dataset, planners, args.plans, [p.name for p in chosen], args.published, progress=print_count)
    report.settings.update(data=dataset.name, split=args.split, limit=args.limit)
    print(text_table(report))
    if args.out:
        print(f"\nwritten: {report.save(args.out)}, {write_report(report, args.out)}")
    return 1 if report.failed else 0
