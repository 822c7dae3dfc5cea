"""What is it worth to tell a network of its cameras? The same network, weights, samples and steps; only `camera.geometry` differs.

    python -m tools.compare_geometry configs/geometry.yaml --make     # the towns, once: what is there is not made again
    python -m tools.compare_geometry configs/geometry.yaml runs/geometry
    python -m tools.compare_geometry configs/geometry.yaml runs/geometry --table

Every network learns from towns with another random rig each, and is scored by L2 of its plans in other towns, whose states are the same for
every rig: random ones, of the kind that it learned on, and whole rigs that it never saw. black: pictures are black, in training too. A run
that is finished is not trained again, and a rig that is scored is not scored again: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from drive.config import RunConfig, TownsConfig
from drive.config.load import load_config
from drive.eval.aligned import aligned
from drive.model.config import ModelConfig
from drive.outputs import writable_folder, write_whole
from drive.planners.load import checkpoint_planner
from drive.render.rigs import load_rig
from drive.train.folder import CHECKPOINT, RESUME
from drive.train.loop import train
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.score import score
from drive.train.stop import Interrupted
from tools.comparison import first_towns
from tools.crossed import table

BLACK = "black"
ARMS = ("none", "intrinsics", "rays", "both", "relative", BLACK)
SEEN = "random"
RIGS = (SEEN, "nuscenes", "waymo", "fisheye4", "configs/rigs/one-camera.yaml")
FOUND, SPENT = "found.json", "cpu_s"
Values = dict[str, dict[str, float]]  # by metric, by town


@dataclass(frozen=True)
class Comparison:
    """Every training of the arms, by seed, then by arm: a table of fewer seeds is whole first."""

    base: RunConfig
    out: Path
    arms: Sequence[str]
    rigs: Sequence[str]
    seeds: int

    def runs(self) -> list[tuple[str, int]]:
        """Arms and seeds, in the order of their training."""
        return [(arm, seed) for seed in range(self.seeds) for arm in self.arms]

    def folder(self, arm: str, seed: int) -> Path:
        """Of a training; another number of steps is another training."""
        return self.out / f"{arm}-{self.base.stages[-1].steps}-{seed}"

    def go_on(self) -> None:
        """Does what is still to be done. Raises what `train` raises: Interrupted, after which the same goes on."""
        for arm, seed in self.runs():
            run = one_run(self.base, self.folder(arm, seed), arm, seed)
            told = measured(run, {rig: towns_by(self.base, rig, arm == BLACK) for rig in self.rigs})
            means = {metric: round(float(np.mean(list(towns.values()))), 3) for metric, towns in told.items()}
            print(json.dumps({"run": run.out, **means}), flush=True)

    def table(self) -> str:
        """Of all that is there: for each rig its mean L2 and that of the last point, then the seconds of CPU."""
        there: dict[str, dict[int, Values]] = {}
        for arm, seed in self.runs():
            if told := found(self.folder(arm, seed)):
                there.setdefault(arm, {})[seed] = told
        metrics = dict.fromkeys(metric for seeds in there.values() for told in seeds.values() for metric in told)
        ordered = sorted(metrics, key=lambda metric: metric == SPENT)
        return "\n\n".join(aligned(table(there, metric, self.arms[0], "told")) for metric in ordered)


def one_run(base: RunConfig, out: Path, arm: str, seed: int) -> RunConfig:
    """The configuration with an arm's geometry. What it scores itself before and after is one town: `measured` does the rest."""
    assert isinstance(base.model, ModelConfig)
    geometry: Any = "none" if arm == BLACK else arm
    model = replace(base.model, camera=replace(base.model.camera, geometry=geometry))
    stages = tuple(replace(stage, data=replace(_towns(stage.data), black=arm == BLACK)) for stage in base.stages)
    return replace(base, out=str(out), seed=seed, model=model, stages=stages, test=first_towns(towns_by(base, SEEN), 1))


def towns_by(base: RunConfig, rig: str, black: bool = False) -> TownsConfig:
    """The configuration's test towns as a rig sees them; the folder's last word is the rig's."""
    data = _towns(base.test)
    towns = (replace(part, folder=f"{part.folder}-{_word(rig)}", recipe=replace(part.recipe, rig=rig)) for part in data.towns)
    return replace(data, towns=tuple(towns), black=black)


def _towns(data: Any) -> TownsConfig:
    if not isinstance(data, TownsConfig):
        raise ValueError("geometries are compared in towns: give a configuration whose stages and test have data of kind: towns")
    return data


def _word(rig: str) -> str:
    return Path(rig).stem


def measured(run: RunConfig, tests: Mapping[str, TownsConfig]) -> Values:
    """Trains a run that is not finished, and scores it where it was not scored."""
    out = Path(run.out)
    if not (out / CHECKPOINT).exists():
        # Of a run that was stopped, the time of its beginning is not known.
        begun = float("nan") if (out / RESUME).exists() else time.process_time()
        train(run)
        if np.isfinite(spent := time.process_time() - begun):
            _write(out, {SPENT: {"all": spent}})
    for rig, test in tests.items():
        if f"{_word(rig)} l2_m" not in found(out):
            _write(out, found(out) | scored(run, _word(rig), test))
    return found(out)


def scored(run: RunConfig, rig: str, test: TownsConfig) -> Values:
    """Of each town: L2 of plans, m, as a mean over their points, and of the last one."""
    mix = open_mix(test, kind_of(run.model).needs(run.model))
    assert isinstance(run.model, ModelConfig)
    l2 = score(checkpoint_planner(Path(run.out) / CHECKPOINT), mix, run.model.window.future_times_s).l2
    towns = np.array([mix.unread(i).scene for i in range(len(mix))])
    kinds = {f"{rig} l2_m": l2.mean(-1), f"{rig} end_m": l2[:, -1]}
    return {name: {town: float(values[towns == town].mean()) for town in dict.fromkeys(towns.tolist())} for name, values in kinds.items()}


def found(out: Path) -> Values:
    """What is known of a run."""
    path = out / FOUND
    return json.loads(path.read_text()) if path.exists() else {}


def _write(out: Path, values: Values) -> None:
    write_whole(out / FOUND, json.dumps(values, indent=1, allow_nan=False))


def make(base: RunConfig, rigs: Sequence[str]) -> None:
    """Makes all towns that are missing."""
    needs = kind_of(base.model).needs(base.model)
    for data in [stage.data for stage in base.stages] + [towns_by(base, rig) for rig in rigs]:
        print(f"{len(open_mix(data, needs))} states in {_towns(data).towns[0].folder}", flush=True)


def main(given: Sequence[str] | None = None) -> int:
    """The command."""
    args = _parser().parse_args(given)
    base = load_config(args.config)
    if args.steps:
        base = replace(base, stages=(*base.stages[:-1], replace(base.stages[-1], steps=args.steps)))
    for rig in args.rigs:
        load_rig(rig)
    comparison = Comparison(base, writable_folder(args.out), args.arms, args.rigs, args.seeds)
    try:
        if args.make:
            make(base, args.rigs)
            return 0
        if not args.table:
            comparison.go_on()
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return stop.exit_status
    print(comparison.table())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="with towns of random rigs to learn from, and test towns")
    parser.add_argument("out", type=Path, nargs="?", default=Path("runs/geometry"))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS[:-1], help="the first is compared with")
    parser.add_argument("--rigs", nargs="+", default=RIGS, help="that are scored: names as of `drive sim --rig`, or YAML files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="in place of the configuration's")
    parser.add_argument("--make", action="store_true", help="make the towns, train nothing")
    parser.add_argument("--table", action="store_true", help="train nothing, show what there is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
