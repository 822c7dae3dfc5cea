"""The `drive` command: one verb, one function, a few lines each. Heavy imports wait until a verb runs.

Exit status: 0 done, 1 done but something failed or is wrong, 2 bad usage or input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


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
    for add in (_add_check, _add_plan, _add_eval, _add_view, _add_train):
        add(verbs)
    return parser


def _data_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("data", type=Path, help="a nuScenes-format data set (the folder that holds v1.0-*)")
    verb.add_argument("--split", help="a split name of the devkit, or scene names separated by commas (default: all)")
    verb.add_argument("--limit", type=int, help="at most this many samples")
    verb.add_argument("--out", type=Path, help="folder (or file, for plans) to write")


def _add_check(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("check", help="find out what is wrong with a data set")
    verb.add_argument("data", type=Path)
    verb.set_defaults(run=check)


def check(args: argparse.Namespace) -> int:
    """`drive check DATA`."""
    from drive.data.check import check_dataset

    report = check_dataset(args.data)
    print(report)
    return 1 if report.errors else 0


def _add_plan(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("plan", help="plan on a data set, write plans.json")
    _data_arguments(verb)


def _add_eval(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("eval", help="score planners or anybody's plans.json")
    _data_arguments(verb)
    verb.add_argument("--planner", default="", help="checkpoint folder, planner name or module:Class; several with commas")
    verb.add_argument("--plans", type=Path, nargs="+", default=[], help="plans files (exchange JSON)")
    verb.add_argument("--protocol", default="exact", help="protocol names with commas, or all")
    verb.set_defaults(run=evaluate_)


def evaluate_(args: argparse.Namespace) -> int:
    """`drive eval DATA`."""
    from drive.data.dataset import open_dataset
    from drive.eval.evaluate import LOG, choose_protocols, evaluate

    protocols = args.protocol.split(",")
    choose_protocols(protocols)
    specs = [spec for spec in args.planner.split(",") if spec and spec != LOG]
    planners = []
    if specs:
        from drive.planner import load_planner

        planners = [load_planner(spec) for spec in specs]
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, maps=False)
    report = evaluate(dataset, planners, args.plans, protocols)
    report.settings.update(data=dataset.name, split=args.split, limit=args.limit)
    print(report.table())
    if args.out:
        print(f"\nwritten: {report.save(args.out)}")
    return 1 if report.failed else 0


def _add_view(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("view", help="pictures, video, one self-contained page")
    _data_arguments(verb)


def _add_train(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("train", help="train from a config, with --a.b value overrides")
    verb.add_argument("config", type=Path)
    verb.set_defaults(overrides=True)
