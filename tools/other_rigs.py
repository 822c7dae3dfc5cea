"""How a planner that learned on one rig does with others: the same states of towns for each rig, pictures resampled and as they are.

    python -m tools.other_rigs --planner first-answers --rigs nuscenes,waymo,fisheye4,random,nuscenes/CAM_FRONT --towns 10 --states 6

A rig is a name as of `drive sim --rig`, a YAML file, or some cameras of one (RIG/CAM_FRONT+CAM_BACK); `random` is another in every town.
The first row is the planner's own rig. L2 of its plans from the visible expert's as a mean over their steps; `more` is against the own
rig, state by state, with its 95 % interval over towns. Light: macro recall over its colours.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from drive.answers.see import Seen
from drive.cameras import Camera
from drive.data.images import read_image
from drive.data.resample import in_rig
from drive.eval.aligned import aligned
from drive.eval.intervals import scene_interval
from drive.make.demonstrations import Shown, demonstrations
from drive.make.recipe import FIRST_TEST_TOWN, Displacement
from drive.planners.foreign import own_views
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.render.rigs import load_rig, scaled
from drive.schema import Frame, Observation, SceneSample
from drive.sim.sight import Eyes, Sight
from drive.tasks import make_task
from drive.tasks.seen import STATES, flat
from drive.world.target import sample_of
from drive.world.town.populate import town_world

FIRST, WIDTH = FIRST_TEST_TOWN + 10_000, 960
OWN, RESAMPLED, AS_THEY_ARE = "its own", "resampled", "as they are"
TITLES = ("rig", "pictures", "unseen %", "L2 m (95 %)", "after 3 s", "more (95 %)", "light")


@dataclass
class Found:
    """What was answered to the states of one rig, shown one way."""

    l2: list[np.ndarray] = field(default_factory=list)
    towns: list[str] = field(default_factory=list)
    said: list[Seen | None] = field(default_factory=list)
    true: list[Seen | None] = field(default_factory=list)
    unseen: list[float] = field(default_factory=list)

    def add(self, planner: NetworkPlanner, sample: SceneSample, town: int) -> None:
        """One state more. planner: one that leaves pictures as they are."""
        config = planner.network.config
        answers = planner.answer(sample.observation, config.plan_request or "plan")
        plan = next(answers.best(name) for name in answers.values if name.startswith("plan"))
        self.l2.append(np.linalg.norm((plan - sample.target.future.poses)[:, :2], axis=-1))
        self.towns.append(str(town))
        if "see" in answers.values:
            self.said.append(answers.best("see"))
            self.true.append(make_task("see", config.vocabulary, config.window).answer(sample))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    found: dict[tuple[str, str], Found] = {}
    for town in range(args.first, args.first + args.towns):
        for n, (sample, one, eyes) in enumerate(states(town, args.states, planner)):
            for rig in (OWN, *args.rigs.split(",")):
                eyes.cameras = planner.rig if rig == OWN else cameras_of(rig, town, args.width)
                seen = replace(sample.observation, frames=(Frame(0.0, eyes.look(one.state)),))
                made, foreign = in_rig(seen, planner.rig)
                for shown, given in [(RESAMPLED, made)] + ([(AS_THEY_ARE, seen)] if foreign else []):
                    row = found.setdefault((rig, shown if foreign else ""), Found())
                    row.add(own_views(planner), replace(sample, observation=given), town)
                    row.unseen.append(float(np.mean([one.unseen for one in foreign] or [0.0])))
                if args.pictures and not n:
                    save(args.pictures / f"{town}-{Path(rig).stem if rig != OWN else 'own'}.png", made)
    print(aligned([TITLES, *(_row(rig, shown, one, found[OWN, ""]) for (rig, shown), one in found.items())]))


def states(town: int, count: int, planner: NetworkPlanner) -> Iterator[tuple[SceneSample, Shown, Eyes]]:
    """Balanced states of a town with traffic, without pictures, and eyes for them in the town's weather."""
    world, rng, window = town_world(town), np.random.default_rng([town, 71]), planner.network.config.window
    eyes = Eyes(world, Sight("first-drive", weather="random"))
    for one in demonstrations(world, count, window, Displacement(), rng, teacher="visible-expert", balanced=True):
        sample = sample_of(world, one.history, len(one.history) - 1, window)
        future = replace(sample.target.future, poses=one.future, valid=np.ones(len(one.future), dtype=bool))
        yield replace(sample, observation=one.observation, target=replace(sample.target, future=future)), one, eyes


def cameras_of(rig: str, town: int, width: int) -> tuple[Camera, ...]:
    """The cameras of a rig in a town, at this width."""
    name, _, chosen = (rig, "", "") if rig.endswith(("yaml", "yml")) else rig.partition("/")
    cameras = scaled(load_rig(name, town), width)
    return tuple(camera for camera in cameras if not chosen or camera.name in chosen.split("+"))


def _row(rig: str, shown: str, found: Found, own: Found) -> list[str]:
    l2, every = np.array(found.l2), np.ones(len(found.l2), bool)
    low, high = scene_interval(l2.mean(-1), every, found.towns)
    more = (l2 - np.array(own.l2)).mean(-1)
    least, most = scene_interval(more, every, found.towns)
    told = f"{more.mean():+.2f} ({least:+.2f} to {most:+.2f})" if found is not own else ""
    unseen = f"{100 * np.mean(found.unseen):.0f}" if shown == RESAMPLED else ""
    return [rig, shown, unseen, f"{l2.mean():.2f} ({low:.2f}-{high:.2f})", f"{l2[:, -1].mean():.2f}", told, _light(found)]


def _light(found: Found) -> str:
    """Macro recall over the colours that there are, and of how many lights."""
    said, true = ([None if one is None else flat(one)["light"][0] for one in rows] for rows in (found.said, found.true))
    right = {colour: [a == b for a, b in zip(said, true, strict=True) if b == colour] for colour in STATES["light"][1:]}
    count = sum(map(len, right.values()))
    return f"{np.mean([np.mean(one) for one in right.values() if one]):.2f} of {count}" if count else ""


def save(path: Path, observation: Observation) -> None:
    """The views of an observation side by side, as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    views = [read_image(view)[1] for view in observation.frames[-1].cameras]
    cv2.imwrite(str(path), np.hstack(views)[..., ::-1])


if __name__ == "__main__":
    main()
