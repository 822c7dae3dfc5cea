"""What several verbs share: the options of a data set, and who gives a sample's plan."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drive.schema import Window
    from drive.viz.view import AttentionOf, PlanOf


def data_arguments(verb: argparse.ArgumentParser, optional: bool = False) -> None:
    """DATA, --split, --limit, --out."""
    verb.add_argument("data", type=Path, nargs="?" if optional else None, help="a nuScenes-format data set (the folder that holds v1.0-*)")
    verb.add_argument("--split", help="a split name of the devkit, or scene names separated by commas (default: all)")
    verb.add_argument("--limit", type=int, help="at most this many samples")
    verb.add_argument("--out", type=Path, help="folder (or file, for plans) to write")


def print_count(done: int, total: int) -> None:
    """A line that counts samples, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total} samples", end="\n" if done == total else "", file=sys.stderr, flush=True)


def plan_source(args: argparse.Namespace) -> tuple[PlanOf | None, str, Window, AttentionOf | None]:
    """Who gives a sample's plan, the name, the window to open data with, who tells the attention (a network alone); None and ""
    where no plan is asked for."""
    from drive.schema import Window

    if args.plans and args.planner:
        raise ValueError("--plans and --planner: give one of the two")
    if args.plans:
        from drive.eval.plans import load_plans

        file = load_plans(args.plans)
        return file.plan, file.planner, Window(), None
    if args.planner:
        return planner_source(args.planner, args.samples)
    return None, "", Window(), None


def planner_source(spec: str, samples: int) -> tuple[PlanOf, str, Window, AttentionOf | None]:
    """As `plan_source`, of one planner; `log` alone is shown what was recorded."""
    from drive.planner import common_window, load_planner
    from drive.schema import Window

    if spec == "log":
        from drive.baselines import recorded_plan

        return (lambda sample: recorded_plan(sample.target.future, sample.observation)), spec, Window(), None
    planner = load_planner(spec)
    told: Any = getattr(planner, "attention", None)
    attention_of = told and (lambda sample: told(sample.observation))
    return (lambda sample: planner.plan(sample.observation, samples=samples)), planner.name, common_window([planner]), attention_of
