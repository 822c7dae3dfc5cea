"""Whether other answers help a network to plan: the same pictures, samples and steps, several seeds.

    python -m tools.compare_tasks configs/first-answers.yaml runs/tasks --stage answers --steps 250

plan: nothing but plans. The configuration's other requests beside it (`plan + rest`), the same without one of them (`no see`), answers
in front of the plan, parts of what is seen asked for alone as well (`see>plan`, `see>decide>plan`). Plans are asked for as they were
trained; `modules` hands the boxes and roads that `plan + rest` answers to the expert. A run that is finished is not trained again, so the
command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from drive.config import DataConfig, NextTokenConfig, RunConfig
from drive.config.load import load_config
from drive.eval.aligned import aligned
from drive.frames import Array
from drive.model.config import ModelConfig
from drive.outputs import write_whole
from drive.planners.handed import Handed
from drive.planners.load import checkpoint_planner
from drive.schema import PlanError, SceneSample
from drive.tasks import chains
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from tools.comparison import TITLES, TOWNS, Errors, asking, errors, first_towns, rows

ALONE, REST, MODULES = "plan", "plan + rest", "modules"
THOUGHTS = ("see>plan", "see>decide>plan")


def arms(requests: Sequence[str]) -> dict[str, list[str]]:
    """Name -> the chains trained, the plan's first."""
    plan = next(name for name in requests if name.partition(":")[0] == "plan")
    rest = {name: name.partition(":")[0] for name in requests if name != plan}
    found = {ALONE: [plan], REST: [plan, *rest]}
    parts = [name for name in rest if name.startswith("see:")]
    found |= {thought: [thought, *parts] for thought in THOUGHTS}
    return found | {f"no {task}": [plan, *(name for name, of in rest.items() if of != task)] for task in dict.fromkeys(rest.values())}


def one_run(base: RunConfig, out: Path, trained: Sequence[str], steps: int, seed: int) -> RunConfig:
    """The configuration with some chains; its plan is asked for by the first."""
    old = base.stages[-1].objective
    assert isinstance(base.model, ModelConfig) and isinstance(old, NextTokenConfig)
    links = [[link.name for link in chain] for text in trained for chain in chains(text)]
    requests = list(dict.fromkeys(name for chain in links for name in chain))
    shares = {name: share for name, share in old.shares.items() if name in trained}
    slots = old.slots if any(name.partition(":")[0] in ("boxes", "roads") for name in requests) else 0.0
    objective = NextTokenConfig(chains=tuple(trained), shares=shares, sigma=old.sigma, noise=old.noise, glance=old.glance, slots=slots)
    if any(len(chain) > 1 for chain in links):
        objective = replace(objective, thoughts=old.thoughts)
    run = asking(base, out, requests, objective, steps, seed)
    assert isinstance(run.model, ModelConfig)
    return replace(run, model=replace(run.model, plan_request=trained[0]))


def handed(run: RunConfig, test: DataConfig | None, alone: Errors) -> Errors:
    """Of a trained run's boxes and roads, handed to the expert; where they cannot be, the car is taken to stand still."""
    kept = Path(run.out) / "handed.npz"
    if not kept.exists():
        assert isinstance(run.model, ModelConfig)
        mix = open_mix(first_towns(test, TOWNS), kind_of(run.model).needs(run.model))
        requests = ",".join(name for name in run.model.requests if name.partition(":")[0] in ("boxes", "roads"))
        planner = Handed(checkpoint_planner(Path(run.out) / "checkpoint"), requests)
        l2 = [_l2(planner, mix[i]) for i in range(len(mix))]
        written = io.BytesIO()
        np.savez(written, l2=np.array(l2))
        write_whole(kept, written.getvalue())
    with np.load(kept) as arrays:
        return Errors(arrays["l2"], float("nan"), alone.towns)


def _l2(planner: Handed, sample: SceneSample) -> Array:
    """[T] metres; of a plan that there is not, the distance to standing still."""
    recorded = sample.target.future.poses[:, :2]
    try:
        return np.linalg.norm(planner.plan(sample.observation).best[:, :2] - recorded, axis=-1)
    except PlanError as error:
        print(f"{sample.token}: no plan of modules ({error}); scored as standing still", flush=True)
        return np.linalg.norm(recorded, axis=-1)


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("out", type=Path)
    parser.add_argument("--arms", nargs="+", help="some of them, the first to compare with (default: all)")
    parser.add_argument("--stage", help="as this stage of the configuration trains (default: the last)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=250)
    args = parser.parse_args(given)
    base = load_config(args.config)
    if args.stage and args.stage not in (names := [stage.name for stage in base.stages]):
        parser.error(f"no stage {args.stage!r}; there are {names}")
    base = replace(base, stages=tuple(stage for stage in base.stages if args.stage in (None, stage.name)))
    assert isinstance(base.model, ModelConfig)
    known = arms(base.model.requests)
    if unknown := sorted(set(args.arms or ()) - set(known)):
        parser.error(f"unknown arms {unknown}; there are {list(known)}")
    found: dict[tuple[str, ...], list[Errors]] = {}
    for seed in range(args.seeds):
        for name in args.arms or known:
            run = one_run(base, args.out / f"{name.replace(' ', '')}-{args.steps}-{seed}", known[name], args.steps, seed)
            told = errors(run, base.test)
            found.setdefault((name,), []).append(told)
            if name == REST:
                found.setdefault((MODULES,), []).append(handed(run, base.test, told))
            print(json.dumps({"run": run.out, "l2_m": float(told.l2.mean())}), flush=True)
    print(aligned([["trained", *TITLES], *rows(found)]))


if __name__ == "__main__":
    main()
