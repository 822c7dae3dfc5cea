"""`drive view`: pictures, videos, a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from drive.cli.common import PLANNER, data_arguments, open_data, plan_source, samples_argument

if TYPE_CHECKING:
    from drive.schema import Window
    from drive.viz.answers.said import SaidOf

HELP = "pictures, video, one self-contained page"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, optional=True)
    verb.add_argument("--planner", help=f"draw the plans of {PLANNER}")
    verb.add_argument("--plans", type=Path, help="draw the plans of a plans file (exchange JSON)")
    verb.add_argument("--tasks", metavar="REQUESTS", help='also draw its answers, truth beside: "see>decide,boxes,roads,ask(may I go?)"')
    samples_argument(verb, "plans asked of the planner for each sample")
    verb.add_argument("--sample", nargs="+", metavar="TOKEN", help="draw these samples (default: a few that have pictures on disk)")
    verb.add_argument("--video", nargs="?", const="mp4", choices=("mp4", "gif"), help="also a video of every scene")
    told = "instead: a recorded scene's pictures (nuScenes format) beside the same moments rendered from a ScenarioNet file"
    verb.add_argument("--compare", nargs=2, type=Path, metavar=("REAL", "SYNTH"), help=told)
    verb.add_argument("--weather", default="overcast", help="of the rendered pictures of --compare (default: overcast)")


def run(args: argparse.Namespace) -> int:
    """`drive view DATA`, `drive view --compare REAL SYNTH`."""
    args.progress.begin("loading")
    from drive.outputs import writable_folder

    if args.compare:
        from drive.compare.compare import compare

        out = writable_folder(args.out or Path("compare"))
        real, synth = args.compare
        page = compare(real, synth, out, args.weather, args.progress)
        args.progress.end()
        print(f"page: {page}")
        return 0
    if args.data is None:
        raise ValueError("name a data set, or --compare REAL SYNTH")
    return _view(args, writable_folder(args.out or Path("view")))


def _view(args: argparse.Namespace, out: Path) -> int:
    from itertools import groupby

    from drive.make.shard_samples import is_shard_folder
    from drive.planners.notes import all_notes
    from drive.viz.view import choose_samples, has_pictures, view

    plan_of, name, window, attention_of = plan_source(args)
    said_of = _said_of(args, window)
    dataset = open_data(args, window, lanes=bool(args.tasks))
    if args.video and is_shard_folder(args.data):
        raise ValueError(f"{args.data} holds single states of towns, no drives: leave out --video")
    tokens = args.sample or (dataset.tokens if args.limit else choose_samples(dataset.without_maps()))
    samples = [dataset.sample(token) for token in tokens]
    scenes = (list(scene) for _, scene in groupby(dataset, lambda sample: sample.scene)) if args.video else ()
    made = view(samples, out, plan_of, name, scenes, args.video or "mp4", dataset.name, args.progress, attention_of, said_of)
    args.progress.end()
    blank = sum(not has_pictures(sample) for sample in samples)
    print(f"page: {made.page}" + (f"; {blank} of {len(samples)} samples lack pictures on disk" if blank else ""))
    if made.failures:
        print(f"samples without a plan: {len(made.failures)}; the first: {next(iter(made.failures.values()))}")
    print("".join(f"{note}\n" for note in all_notes()), end="")
    return 1 if made.failures else 0


def _said_of(args: argparse.Namespace, window: Window) -> SaidOf | None:
    """Who tells the answers to --tasks: the planner, or what was recorded where none or `log` is named."""
    if not args.tasks:
        return None
    from drive.planners.load import LOG, load_planner
    from drive.viz.answers.said import said_of

    planner = None if args.planner in (None, LOG) else load_planner(args.planner)
    return said_of(planner, args.tasks, window)
