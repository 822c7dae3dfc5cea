"""What several verbs share: the options of a data set, who gives a sample's plan, how results are printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drive.cli.parser import number
from drive.cli.pictures import pictures_arguments, told_of

if TYPE_CHECKING:
    from drive.data.dataset import Dataset
    from drive.schema import Planner, Window
    from drive.viz.view import AttentionOf, PlanOf

PLANNER = (
    "a shipped planner's name (first-drive), a checkpoint folder, constant-velocity, stand-still, log, or your own module:Class, "
    "exec:COMMAND or http://HOST:PORT; watchful:NAME says of each plan whether NAME could see, and falls back where not; "
    "own-views:NAME leaves other rigs' pictures as they are; black:NAME and newest:NAME show it black pictures, and no earlier ones; "
    "heedful:NAME keeps its plans behind who it states ahead"
)
SHOWN_TRACEBACKS = 3
SETS = "nuScenes tables, Argoverse 2, PandaSet, Waymo, WOD-E2E, OpenScene/NAVSIM, ScenarioNet"
DATA = f"a data set ({SETS}), a folder of own pictures, or of demonstrations in towns"


def data_arguments(
    verb: argparse.ArgumentParser, optional: bool = False, out: str | None = "folder to write", pictures: bool = True
) -> None:
    """DATA, --split, --limit, --out unless the verb writes nothing (None), and what is told beside own pictures."""
    verb.add_argument("data", type=Path, nargs="?" if optional else None, help=DATA)
    verb.add_argument("--split", help="a split name of the devkit, or scene names separated by commas (default: all)")
    verb.add_argument("--limit", type=number(1), help="at most this many samples")
    if out is not None:
        verb.add_argument("--out", type=Path, help=out)
    if pictures:
        pictures_arguments(verb)


def open_data(args: argparse.Namespace, window: Window, *, maps: bool = True, lanes: bool = False) -> Dataset:
    """DATA with its --split and --limit: a data set, or a folder of demonstrations in towns."""
    from drive.data.dataset import open_dataset
    from drive.make.shard_samples import ShardFolder, is_shard_folder

    args.progress.begin(f"opening {args.data}")
    told = told_of(args)
    if is_shard_folder(args.data) and told is None:
        return ShardFolder(args.data, window, args.limit, args.split)
    return open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=maps, lanes=lanes, told=told)


def config_file(config: str) -> str:
    """A configuration's file, or the shipped one of that name. Raises ValueError where there is none."""
    from drive.shipped import config_names, found, shipped_config
    from drive.words import did_you_mean

    if Path(config).is_file():
        return config
    path = shipped_config(config) or found(config)
    if not path.is_file():
        names = config_names()
        raise ValueError(f"no configuration {config!r}: not a file, and not one of {', '.join(names)}{did_you_mean(config, names)}")
    return str(path)


def samples_argument(verb: argparse.ArgumentParser, told: str) -> None:
    """--samples."""
    verb.add_argument("--samples", type=number(1, 1000), default=1, help=f"{told} (default: 1)")


def horizon_arguments(verb: argparse.ArgumentParser) -> None:
    """--horizon and --rate."""
    told = "seconds to plan, by a planner without a window of its own (default: 3)"
    verb.add_argument("--horizon", type=number(0.1, 60, whole=False), help=told)
    verb.add_argument("--rate", type=number(0.1, 100, whole=False), help="points a second of such a plan (default: 2)")


def words(text: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def show(args: argparse.Namespace, text: str, rows: Iterable[Mapping[str, Any]], written: str = "") -> None:
    """The result on standard output: text and what was written; with `--json` the rows alone, as one JSON list, a row a line."""
    if args.json:
        print("[" + ",".join(f"\n{json.dumps(row, allow_nan=False)}" for row in rows) + "\n]")
    else:
        print(text + (f"\n\nwritten: {written}" if written else ""))


def show_tracebacks(args: argparse.Namespace, tracebacks: Iterable[tuple[str, str]]) -> None:
    """With `--debug` the first of these (what failed, traceback) on standard error."""
    for where, text in list(tracebacks)[:SHOWN_TRACEBACKS] if args.debug else ():
        print(f"{where}\n{text.rstrip()}", file=sys.stderr)


def plan_source(args: argparse.Namespace) -> tuple[PlanOf | None, str, Window, AttentionOf | None]:
    """Who gives a sample's plan, the name, the window to open data with, who tells the attention (a network alone); None
    where no plan is asked for: there is no planner, or its answers alone can be drawn."""
    from drive.schema import Window

    if args.plans and args.planner:
        raise ValueError("--plans and --planner: give one of the two")
    if args.plans:
        from drive.eval.plans import load_plans

        file = load_plans(args.plans)
        file.require_usable(Window().future_times_s)
        return file.plan, file.planner, Window(), None
    if not args.planner:
        return None, "", Window(), None
    from drive.asking import gives_plans, window_of
    from drive.planners.load import LOG, load_planner

    if args.planner == LOG or not args.tasks:
        return planner_source(args)
    args.progress.begin(f"loading {args.planner}")
    planner = load_planner(args.planner)
    window = window_of(planner)
    return _source(planner, args.samples, window) if gives_plans(planner) else (None, planner.name, window, None)


def planner_source(
    args: argparse.Namespace, horizon_s: float | None = None, rate_hz: float | None = None
) -> tuple[PlanOf, str, Window, AttentionOf | None]:
    """As `plan_source`, of `--planner`, which must give plans; `log` alone is shown what was recorded. horizon_s, rate_hz: as of
    `drive.asking.window_of`."""
    args.progress.begin(f"loading {args.planner}")
    from drive.asking import require_plans, window_of
    from drive.planners.load import LOG, load_planner

    if args.planner == LOG:
        from drive.baselines import recorded_plan

        return (lambda sample: recorded_plan(sample.target.future, sample.observation)), LOG, window_of(None, horizon_s, rate_hz), None
    planner = load_planner(args.planner)
    require_plans([planner])
    return _source(planner, args.samples, window_of(planner, horizon_s, rate_hz))


def _source(planner: Planner, samples: int, window: Window) -> tuple[PlanOf, str, Window, AttentionOf | None]:
    told: Any = getattr(planner, "attention", None)
    attention_of = told and (lambda sample: told(sample.observation))
    return (lambda sample: planner.plan(sample.observation, samples=samples)), planner.name, window, attention_of
