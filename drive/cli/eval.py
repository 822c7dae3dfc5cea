"""`drive eval`: scores of planners, of plans and detections of others, and of answers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drive.cli.common import PLANNER, data_arguments, open_data, show, show_tracebacks, words

if TYPE_CHECKING:
    from drive.eval.plans import PlanFile
    from drive.eval.report import Report
    from drive.eval.rules import Rules
    from drive.schema import Planner, Window

HELP = "score planners, anybody's plans.json or detections, or answers to any request"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out="folder for the report and the page")
    verb.add_argument("--planner", default="", help=f"{PLANNER}; several with commas")
    verb.add_argument("--plans", type=Path, nargs="+", default=[], help="plans files (exchange JSON)")
    verb.add_argument("--tasks", default="", help="ask planners and score each answer: see>decide>plan,boxes,roads (DATA may be towns)")
    verb.add_argument("--detections", type=Path, nargs="+", default=[], help="nuScenes detection submissions, by mAP and NDS")
    verb.add_argument(
        "--protocol",
        default="exact",
        help="protocol names with commas, or all that take DATA (default: exact)",
    )
    verb.add_argument("--pairs", action="store_true", help="compare every two planners (default: each with constant velocity)")
    verb.add_argument("--published", action="store_true", help="add published results of the same protocols")


def run(args: argparse.Namespace) -> int:
    """`drive eval DATA`."""
    args.progress.begin("loading")
    from drive.eval.page import write_report
    from drive.eval.table import text_table
    from drive.outputs import writable_folder

    if args.tasks and args.detections:
        raise ValueError("--tasks and --detections: give one of the two")
    if args.out:
        writable_folder(args.out)
    report = tasks_report(args) if args.tasks else detections_report(args) if args.detections else plans_report(args)
    args.progress.begin("writing the report")
    written = f"{report.save(args.out)}, {write_report(report, args.out)}" if args.out else ""
    args.progress.end()
    show(args, text_table(report), report.rows, written)
    show_tracebacks(args, ((f"{f['planner']} in {f['token']}", f["traceback"]) for f in report.failures if f.get("traceback")))
    return 1 if report.failed else 0


def plans_report(args: argparse.Namespace) -> Report:
    """Plans, under protocols."""
    from drive.eval.choose import choose_protocols, is_benchmark_data
    from drive.eval.evaluate import evaluate
    from drive.eval.plans import load_plans

    file = is_benchmark_data(args.data, words(args.protocol))
    chosen = choose_protocols(words(args.protocol), args.data if file else None)
    planners = loaded(args)
    files = [load_plans(path) for path in args.plans]
    if file and args.split:
        raise ValueError(f"--split chooses scenes of a data set; {args.data} is a file (--limit takes its first cases)")
    data = args.data if file else opened(args, chosen, planners, files)
    names = [rules.name for rules in chosen]
    report = evaluate(data, planners, files, names, args.published, progress=args.progress, pairs=args.pairs, limit=args.limit)
    return told_of(report, args, data)


def told_of(report: Report, args: argparse.Namespace, data: Any) -> Report:
    """The report with what it is of; of towns, how many there are, and how many of those that configurations may learn from."""
    from drive.make.shard_samples import ShardFolder

    report.settings.update(data=data.name, split=args.split, limit=args.limit)
    if isinstance(data, ShardFolder):
        report.settings.update(towns=len(data.scenes), training_towns=data.trained)
    return report


def tasks_report(args: argparse.Namespace) -> Report:
    """Answers to requests, each by its task's metric; DATA: a data set, or a folder of demonstrations in towns."""
    from drive.asking import common_window
    from drive.eval.detection.write import Collected
    from drive.eval.tasks.evaluate import score_tasks
    from drive.make.shard_samples import ShardFolder

    planners = loaded(args)
    if not planners or args.plans:
        raise ValueError("--tasks scores what planners answer: give --planner, and no --plans")
    data = open_data(args, common_window(planners), lanes=True)
    detections = Collected()
    report = score_tasks(data, args.tasks, planners, args.progress, detections.add)
    if args.out and not isinstance(data, ShardFolder):
        detections.save(args.out)
    return told_of(report, args, data)


def detections_report(args: argparse.Namespace) -> Report:
    """Others' boxes, as nuScenes' detection benchmark scores them."""
    from drive.data.dataset import open_dataset
    from drive.eval.detection.evaluate import score_submissions
    from drive.eval.detection.submission import read_submission

    submissions = [read_submission(path) for path in args.detections]
    args.progress.begin(f"opening {args.data}")
    dataset: Any = open_dataset(args.data, split=args.split, limit=args.limit, maps=False)
    return told_of(score_submissions(dataset, submissions, args.progress), args, dataset)


def loaded(args: argparse.Namespace) -> list[Planner]:
    """The planners that were asked for."""
    from drive.eval.report import LOG

    specs = [spec for spec in words(args.planner) if spec != LOG]
    if not specs:
        return []
    from drive.planners.load import load_planner

    args.progress.begin(f"loading {', '.join(specs)}")
    return [load_planner(spec) for spec in specs]


def opened(args: argparse.Namespace, chosen: Sequence[Rules], planners: Sequence[Planner], files: Sequence[PlanFile]) -> Any:
    """The data set with the planners' window, or with that of a benchmark whose cases are made of it. Raises ValueError where plans files
    cannot be used with it, before anything is read."""
    from drive.asking import common_window
    from drive.data.layouts import LAYOUTS, layout_of
    from drive.eval.benchmarks import Benchmark
    from drive.eval.openloop.protocol import Protocol

    window, first = common_window(planners), chosen[0]
    if isinstance(first, Benchmark) and first.made is not None:
        return open_data(args, wide_enough(first.made.window, window), lanes=True)
    if isinstance(first, Protocol) and layout_of(args.data) is LAYOUTS["wod-e2e"]:
        raise ValueError(
            f"{args.data} is WOD-E2E data, which have no boxes, and {first.name} needs them; give --protocol wod-e2e, or --tasks plan"
        )
    for file in files:
        file.require_usable(window.future_times_s)
    return open_data(args, window, maps=any(isinstance(rules, Protocol) and rules.uses_map for rules in chosen))


def wide_enough(needed: Window, wanted: Window) -> Window:
    """A protocol's window with a planner's frames and as much of the past as both want."""
    return replace(needed, past_s=max(needed.past_s, wanted.past_s), frames=wanted.frames)
