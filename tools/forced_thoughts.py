"""What a plan owes to the thoughts in front of it and what to the pictures: thoughts forced to be true, wrong or another state's.

    python -m tools.forced_thoughts runs/test-towns --planner runs/first-answers

The network plans by see>decide>plan. Wrong light: red is told as green with a free way, green as red; the decision is then its own.
Wrong decision: stop is told as faster, anything else as stop, behind the truth of what is seen. Swapped: the truth of another state,
half the data away. Told red: share of plans that stay behind the line that they were told. Told to go: share of those that stand and are
told a free green and set out. Shown: share of plans that show the decision they were told. L2 as a mean over the plan's steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from drive.answers.decide import Decision
from drive.answers.see import LineSeen, Seen
from drive.data.images import blackened
from drive.eval.aligned import aligned
from drive.eval.intervals import scene_interval
from drive.eval.result import MetricResult
from drive.eval.tasks.consistency import decide_plan, see_plan
from drive.frames import Array
from drive.make.shard_samples import ShardFolder
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.schema import Observation, SceneSample
from drive.tasks import make_task

Thoughts = Mapping[str, Any]
TITLES = ("thoughts", "pictures", "states", "L2 m (95 %)", "after 3 s", "from its own plan", "told red: stays", "told to go: goes", "shown")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--planner", required=True)
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    planner = load_planner(args.planner)
    if not isinstance(planner, NetworkPlanner):
        raise SystemExit(f"{args.planner} is no network")
    planner.request = "see>decide>plan"
    samples = ShardFolder(args.data, planner.network.config.window, args.limit)
    tasks = {name: make_task(name, planner.network.config.vocabulary, samples.window) for name in ("see", "decide")}
    truths = [_known({name: task.answer(sample) for name, task in tasks.items()}) for sample in samples]
    forced = conditions(truths)
    plans: dict[tuple[str, str], dict[int, tuple[Array, Thoughts]]] = {(name, look): {} for name in forced for look in LOOKS}
    for n, sample in enumerate(samples):  # a town is read once
        for (name, look), kept in plans.items():
            told = forced[name][n]
            if told is not None and n not in kept:
                kept[n] = planner.plan_after(LOOKS[look](sample.observation), told).best, told
    print(aligned([TITLES, *(_row(name, look, kept, plans["own", "true"], samples) for (name, look), kept in plans.items())]))


LOOKS: dict[str, Callable[[Observation], Observation]] = {"true": lambda observation: observation, "black": blackened}


def conditions(truths: Sequence[Thoughts | None]) -> dict[str, list[Thoughts | None]]:
    """Name -> what each state is told; None where that is not known or there is no light to be wrong about."""
    away = len(truths) // 2
    return {
        "own": [{} for _ in truths],
        "true": list(truths),
        "true see": [told and {"see": told["see"]} for told in truths],
        "swapped": [truths[(n + away) % len(truths)] for n in range(len(truths))],
        "wrong light": [told and _wrong_light(told["see"]) for told in truths],
        "wrong decision": [told and {"see": told["see"], "decide": _wrong_decision(told["decide"])} for told in truths],
    }


def _known(told: Thoughts) -> Thoughts | None:
    return None if any(value is None for value in told.values()) else told


def _wrong_light(seen: Seen) -> Thoughts | None:
    light = seen.light
    if light is None or light.colour not in ("red", "green"):
        return None
    goes = light.colour == "red"
    return {"see": replace(seen, light=replace(light, colour="green" if goes else "red"), line=LineSeen(goes, light.distance_m))}


def _wrong_decision(decision: Decision) -> Decision:
    return replace(decision, longitudinal="faster" if decision.longitudinal == "stop" else "stop")


def _row(
    name: str, look: str, kept: dict[int, tuple[Array, Thoughts]], own: dict[int, tuple[Array, Thoughts]], samples: ShardFolder
) -> list[str]:
    """One line of the table; rules only of what was told."""
    states = list(kept)
    if not states:
        return [name, look, "0", *[""] * (len(TITLES) - 3)]
    found = [samples[n] for n in states]
    plans = np.stack([kept[n][0] for n in states])
    l2 = np.linalg.norm((plans - np.stack([sample.target.future.poses for sample in found]))[..., :2], axis=-1)
    low, high = scene_interval(l2.mean(-1), np.ones(len(l2), bool), [sample.scene for sample in found])
    away = np.linalg.norm((plans[:, -1] - np.stack([own[n][0][-1] for n in states]))[:, :2], axis=-1)
    said = [{**kept[n][1], "plan": plan} for n, plan in zip(states, plans, strict=True)]
    rules = _shares(said, found)
    return [
        name,
        look,
        str(len(states)),
        f"{l2.mean():.2f} ({low:.2f}-{high:.2f})",
        f"{l2[:, -1].mean():.2f}",
        f"{away.mean():.2f}",
        *rules,
    ]


def _shares(said: list[dict[str, Any]], samples: list[SceneSample]) -> list[str]:
    """Red kept, green gone, decision shown, each with the number of states that it is of."""
    observations, words = [sample.observation for sample in samples], []
    both = (*see_plan(said, observations), *decide_plan(said, observations))
    results = {one.name: one for one in both if isinstance(one, MetricResult)}
    for name in ("red_kept", "green_goes", "decision_kept"):
        one = results[name]
        words.append(f"{one.values[one.valid].mean():.2f} of {one.valid.sum()}" if one.valid.any() else "")
    return words


if __name__ == "__main__":
    main()
