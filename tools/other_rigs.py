"""How a planner that learned on one rig does with others: the same states of towns for each rig, pictures resampled and as they are.

    python -m tools.other_rigs runs/rigs.jsonl --planner first-answers --rigs nuscenes,waymo,random,nuscenes/CAM_FRONT --towns 10 --states 6

A rig is a name as of `drive sim --rig`, a YAML file, or some cameras of one (RIG/CAM_FRONT+CAM_BACK); `random` is another in every town.
Answers go into the file, a line each; what is there already is not asked again, and the table is of all that is there. L2 of plans from the
visible expert's as a mean over their steps; `more` is against the planner's own rig, state by state, with its 95 % interval over towns.
Light: macro recall over its colours.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drive.cameras import Camera
from drive.data.images import read_image
from drive.data.resample import in_rig
from drive.eval.aligned import aligned
from drive.eval.intervals import scene_interval
from drive.make.demonstrations import Shown, demonstrations
from drive.make.recipe import FIRST_TEST_TOWN, Recipe
from drive.planners.foreign import own_views
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.render.rigs import load_rig, scaled
from drive.schema import Frame, Observation, SceneSample, Window
from drive.sim.sight import Eyes, Sight
from drive.tasks import make_task
from drive.tasks.seen import STATES, flat
from drive.world.target import sample_of
from drive.world.town.populate import town_world
from drive.world.world import World

FIRST, WIDTH = FIRST_TEST_TOWN + 10_000, 960
OWN, RESAMPLED, AS_THEY_ARE = "its own", "resampled", "as they are"
TITLES = ("rig", "pictures", "states", "unseen %", "L2 m (95 %)", "after 3 s", "more (95 %)", "light")
Line = dict[str, Any]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--planner", required=True)
    parser.add_argument("--rigs", required=True)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--towns", type=int, default=10)
    parser.add_argument("--states", type=int, default=6)
    parser.add_argument("--width", type=int, default=WIDTH, help="of the widest camera of another rig, pixels")
    parser.add_argument("--pictures", type=Path, help="a folder for what the first state of each town looks like")
    args = parser.parse_args()
    planner = load_planner(args.planner)
    if not isinstance(planner, NetworkPlanner) or not planner.rig:
        raise SystemExit(f"{args.planner} is no network that knows one rig")
    lines = [json.loads(line) for line in args.lines.read_text().splitlines()] if args.lines.exists() else []
    for town in range(args.first, args.first + args.towns):
        there = {line["rig"] for line in lines if line["town"] == town}
        rigs = [rig for rig in (OWN, *args.rigs.split(",")) if rig not in there]
        for rig, samples in drawn(town, rigs, planner, args.states, args.width) if rigs else ():
            new = answered(planner, town, rig, samples, args.pictures)
            lines += new
            with args.lines.open("a") as file:
                file.writelines(f"{json.dumps(line)}\n" for line in new)
    print(table(lines))


def drawn(town: int, rigs: Sequence[str], planner: NetworkPlanner, count: int, width: int) -> Iterator[tuple[str, list[SceneSample]]]:
    """Balanced states of a town with traffic in its weather, as each rig sees them."""
    world, rng, window = town_world(town), np.random.default_rng([town, 71]), planner.spec.window or Window()
    shown = demonstrations(world, count, Recipe(window=replace(window, frames=1)), rng)
    samples, eyes = [_sample(world, one, window) for one in shown], Eyes(world, Sight("first-drive", weather="random"))
    for rig in rigs:
        eyes.cameras = planner.rig if rig == OWN else cameras_of(rig, town, width)
        frames = [(Frame(0.0, eyes.look(one.state)),) for one in shown]
        yield rig, [replace(s, observation=replace(s.observation, frames=f)) for s, f in zip(samples, frames, strict=True)]


def _sample(world: World, one: Shown, window: Window) -> SceneSample:
    sample = sample_of(world, one.history, len(one.history) - 1, window)
    future = replace(sample.target.future, poses=one.future, valid=np.ones(len(one.future), dtype=bool))
    return replace(sample, observation=one.observation, target=replace(sample.target, future=future))


def cameras_of(rig: str, town: int, width: int) -> tuple[Camera, ...]:
    """The cameras of a rig in a town, at this width."""
    name, _, chosen = (rig, "", "") if rig.endswith(("yaml", "yml")) else rig.partition("/")
    return tuple(camera for camera in scaled(load_rig(name, town), width) if not chosen or camera.name in chosen.split("+"))


def answered(planner: NetworkPlanner, town: int, rig: str, samples: Sequence[SceneSample], pictures: Path | None) -> list[Line]:
    """A line a state and way of showing it. pictures: where the first state's views are kept."""
    lines, alone = [], own_views(planner)
    for n, sample in enumerate(samples):
        made, foreign = in_rig(sample.observation, planner.rig)
        if pictures and not n:
            save(pictures / f"{town}-{Path(rig).stem.replace(' ', '-')}.png", made)
        unseen = float(np.mean([one.unseen for one in foreign])) if foreign else 0.0
        about = {"town": town, "state": n, "rig": rig}
        lines.append({**about, "pictures": RESAMPLED if foreign else "", "unseen": unseen, **_told(alone, made, sample)})
        if foreign:
            lines.append({**about, "pictures": AS_THEY_ARE, **_told(alone, sample.observation, sample)})
    return lines


def _told(planner: NetworkPlanner, seen: Observation, sample: SceneSample) -> Line:
    """Distances of a plan, and the light's colour as told and as it is, where the planner is asked what it sees."""
    config = planner.network.config
    answers = planner.answer(seen, config.plan_request or "plan")
    plan = next(answers.best(name) for name in answers.values if name.startswith("plan"))
    told: Line = {"l2": np.linalg.norm((plan - sample.target.future.poses)[:, :2], axis=-1).round(4).tolist()}
    if "see" in answers.values:
        truth = make_task("see", config.vocabulary, config.window).answer(sample)
        told["light"] = [flat(answers.best("see"))["light"][0], truth and flat(truth)["light"][0]]
    return told


def table(lines: Sequence[Line]) -> str:
    """A row for each rig and way of showing it."""
    own = {(line["town"], line["state"]): float(np.mean(line["l2"])) for line in lines if line["rig"] == OWN}
    kinds = dict.fromkeys((line["rig"], line["pictures"]) for line in lines)
    return aligned([TITLES, *(_row([line for line in lines if (line["rig"], line["pictures"]) == kind], own) for kind in kinds)])


def _row(lines: Sequence[Line], own: dict[tuple[int, int], float]) -> list[str]:
    l2, towns, every = np.array([line["l2"] for line in lines]), [str(line["town"]) for line in lines], np.ones(len(lines), bool)
    more = l2.mean(-1) - [own[line["town"], line["state"]] for line in lines]
    (low, high), (least, most) = (scene_interval(values, every, towns) for values in (l2.mean(-1), more))
    rig, pictures = lines[0]["rig"], lines[0]["pictures"]
    return [
        Path(rig).stem if rig.endswith(("yaml", "yml")) else rig,
        pictures,
        str(len(lines)),
        f"{100 * np.mean([line['unseen'] for line in lines]):.0f}" if pictures == RESAMPLED else "",
        f"{l2.mean():.2f} ({low:.2f}-{high:.2f})",
        f"{l2[:, -1].mean():.2f}",
        f"{more.mean():+.2f} ({least:+.2f} to {most:+.2f})" if rig != OWN else "",
        _light([line["light"] for line in lines if "light" in line]),
    ]


def _light(pairs: Sequence[tuple[str, str]]) -> str:
    """Macro recall over the colours that there are, and of how many lights."""
    right = {colour: [told == colour for told, true in pairs if true == colour] for colour in STATES["light"][1:]}
    count = sum(map(len, right.values()))
    return f"{np.mean([np.mean(one) for one in right.values() if one]):.2f} of {count}" if count else ""


def save(path: Path, observation: Observation) -> None:
    """The views of an observation side by side, as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.hstack([read_image(view)[1] for view in observation.frames[-1].cameras])[..., ::-1])


if __name__ == "__main__":
    main()
