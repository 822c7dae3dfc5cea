"""Is curation worth it? The same network, steps and tests; only the decisions on its records differ, three seeds each.

    python -m tools.contaminate mix CLEAN MIX    # CLEAN: what `drive pack` made of a folder of towns
    python -m tools.compare_curation configs/curation.yaml CLEAN MIX runs/worth --steps 400 --towns 6 --passes

contaminated, clean, curated, as many as that keeps at random; of the clean records the 30 % that are chosen well, and any 30 %; with
--passes each pass alone, with one seed. Plans are scored by L2 on the configuration's test towns and driven in others, empty and busy
ones. What is done is not done again: the same command goes on where it was stopped, and with --table it only shows what there is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.config import DataConfig, RunConfig, TownsConfig
from drive.config.load import load_config
from drive.curate.recipe import load_recipe
from drive.data.records.decisions import Verdict
from drive.eval.aligned import aligned
from drive.outputs import writable_folder, write_whole
from drive.train.stop import Interrupted
from tools.comparison import first_towns
from tools.crossed import Found, table
from tools.curation_arms import MIXED, Arm, Curations, arms, decisions_file
from tools.curation_runs import DRIVEN, Exam, found, measured, training

FIRST = 880_200  # validation towns that are driven: no configuration learns from them, no threshold was set by them
DECISIONS = "decisions"


@dataclass(frozen=True)
class Comparison:
    """Every training of the arms: by seed, then by arm, so that a table of fewer seeds is whole first."""

    base: RunConfig
    out: Path
    arms: Sequence[Arm]
    seeds: int
    steps: int
    exam: Exam

    def runs(self) -> list[tuple[Arm, int]]:
        """What is trained, in this order; arms that are trained once come last."""
        often = [(arm, seed) for seed in range(self.seeds) for arm in self.arms if not arm.once]
        return often + [(arm, 0) for arm in self.arms if arm.once]

    def folder(self, arm: Arm, seed: int) -> Path:
        """Of a training."""
        return self.out / f"{_word(arm.name)}-{self.steps}-{seed}"

    def go_on(self) -> None:
        """Does what is still to be done, a table after each training. Raises as `measured`."""
        writable_folder(self.out / DECISIONS)
        for arm, seed in self.runs():
            kept = decisions_file(self.out / DECISIONS / f"{_word(arm.name)}-{seed}.parquet", arm.verdicts(seed))
            run = training(self.base, self.folder(arm, seed), arm.root, kept, self.steps, seed)
            measured(run, self.exam, lambda text: print(text, flush=True))
            self.write()

    def found(self) -> Mapping[str, Found]:
        """What is known so far, by arm."""
        there: dict[str, dict[int, dict[str, dict[str, float]]]] = {}
        for arm, seed in self.runs():
            if told := found(self.folder(arm, seed)):
                there.setdefault(arm.name, {})[seed] = told
        return there

    def write(self) -> str:
        """table.txt and found.json, and the table."""
        there = self.found()
        metrics = list(dict.fromkeys(metric for seeds in there.values() for told in seeds.values() for metric in told))
        used = "\n".join(f"{arm.name}: {_used(arm.verdicts(0))}" for arm in self.arms)
        text = "\n\n".join([used, *(aligned(table(there, metric, MIXED, most=_most(metric))) for metric in metrics)])
        write_whole(self.out / "table.txt", text + "\n")
        write_whole(self.out / "found.json", json.dumps(there, indent=1))
        return text


def _most(metric: str) -> float:
    return 1.0 if metric.split()[-1] in DRIVEN else np.inf


def _word(name: str) -> str:
    return "".join(c for c in name.replace(" ", "-") if c.isalnum() or c in "-_")


def _used(verdicts: Sequence[Verdict]) -> str:
    kept = [one for one in verdicts if one.kept]
    return f"{len(kept)} of {len(verdicts)} records, {sum(one.weight for one in kept):.0f} drawn in an epoch"


def tested(base: RunConfig, towns: int) -> DataConfig:
    """The configuration's test, of its first towns. Raises ValueError where it has none: what is trained on tells nothing."""
    if base.test is None:
        raise ValueError("give a configuration with a test of its own: arms are compared on data that none of them learns from")
    return first_towns(base.test, towns) if isinstance(base.test, TownsConfig) else base.test


def main(given: Sequence[str] | None = None) -> int:
    """The command."""
    args = _parser().parse_args(given)
    base = load_config(args.config)
    curations = Curations(args.clean, args.mix, writable_folder(args.out), load_recipe(args.recipe), args.workers)
    chosen = arms(curations, args.passes)
    known = [arm.name for arm in chosen]
    if unknown := sorted(set(args.arms or ()) - set(known)):
        raise ValueError(f"unknown arms {unknown}; there are {known}")
    exam = Exam(tested(base, args.test_towns), args.towns, args.first, args.rig, args.hz, args.workers)
    wanted = [arm for arm in chosen if args.arms is None or arm.name in args.arms]
    comparison = Comparison(base, args.out, wanted, args.seeds, args.steps, exam)
    if not args.table:
        try:
            comparison.go_on()
        except Interrupted as stop:
            print(stop, file=sys.stderr)
            return stop.exit_status
    print(comparison.write())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="whose last stage is trained, on other data, and whose test is taken")
    parser.add_argument("clean", type=Path, help="records without faults")
    parser.add_argument("mix", type=Path, help="the same with faults (`python -m tools.contaminate mix`)")
    parser.add_argument("out", type=Path)
    parser.add_argument("--arms", nargs="+", help="some of them (default: all)")
    parser.add_argument("--passes", action="store_true", help="each pass alone too, with one seed")
    parser.add_argument("--recipe", type=Path, help="of the curation (default: configs/curate/default.yaml)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--test-towns", type=int, default=10, help="whose states are planned")
    parser.add_argument("--towns", type=int, default=6, help="that are driven, each empty and busy (0: none)")
    parser.add_argument("--first", type=int, default=FIRST, help="of the towns that are driven")
    parser.add_argument("--hz", type=float, default=2.5, help="plans a second")
    parser.add_argument("--rig", default="first-drive", help="the car's cameras where it drives")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="train nothing, show what there is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
