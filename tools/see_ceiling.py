"""How well the true answers of `see` alone drive: a small network from them to the visible expert's plan, without a picture.

What it cannot drive, no camera planner can that is told these answers and nothing else: it says which are missing.

    python -m tools.see_ceiling make --towns 40 --states 40     # states of towns with their answers, a file a town
    python -m tools.see_ceiling take runs/close-towns           # or those of demonstrations that are there
    python -m tools.see_ceiling train                           # minutes of one core
    drive sim town --planner tools.see_ceiling:SeeMlp --episodes 20 --traffic empty

All in the folder runs/see-ceiling, or DRIVE_SEE_CEILING.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from drive.answers.see import PARTS, Seen
from drive.frames import Array, se2_to_se3
from drive.make.demonstrations import demonstrations
from drive.make.recipe import Recipe
from drive.make.shard_samples import ShardFolder
from drive.roads import TURNS
from drive.schema import Observation, Plan, PlanError, PlannerSpec, SceneSample, Window
from drive.tasks import declared, make_task
from drive.tasks.seen import NUMBERS, STATES, flat
from drive.tokens.vocab import Vocabulary
from drive.world.state import State
from drive.world.target import target_of
from drive.world.town.populate import EMPTY, town_world
from drive.world.world import World

FOLDER = Path(os.environ.get("DRIVE_SEE_CEILING", "runs/see-ceiling"))
VOCABULARY = Vocabulary().extended(declared(["see"], {}), ["see"])
SEE = make_task("see", VOCABULARY, Window())
SCALE = {"metre": 20.0, "speed_mps": 10.0, "angle_rad": 0.2, "curvature": 0.05}
POSE_SCALE = np.array([10.0, 2.0, 0.3])
WIDTH, BATCH = 256, 256


def features(seen: Seen, observation: Observation) -> Array:
    """Words as ones and zeros, numbers scaled (0 where there is nothing), the car's speed and acceleration, what a navigator says."""
    row: list[float] = []
    for part, (word, numbers) in flat(seen).items():
        row += [float(word == other) for other in STATES.get(part, ())]
        row += [n / SCALE[kind] for n, (kind, *_) in zip(numbers, NUMBERS[part], strict=False)] or [0.0] * len(NUMBERS[part])
    said = observation.navigation
    row += [(observation.speed_mps or 0.0) / 10.0, (observation.acceleration_mps2 or 0.0) / 3.0]
    row += [float(said is not None and said.turn == turn) for turn in TURNS]
    return np.array([*row, min(said.distance_m, 60.0) / 20.0 if said else 3.0, (said.exit or 0) / 3.0 if said else 0.0])


def seen_in(world: World, states: list[State], observation: Observation) -> Seen | None:
    """The answers at the last of some states."""
    target, state = target_of(world, states, len(states) - 1, Window()), states[-1]
    return SEE.answer(SceneSample(observation.token, world.name, 0, 0, se2_to_se3(state.ego[:3]), observation, target))


def make(first: int, towns: int, states: int) -> None:
    """The files that are missing; every third town has no traffic."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + towns):
        path = FOLDER / f"town-{seed}.npz"
        if path.exists():
            continue
        world = town_world(seed, traffic=EMPTY) if seed % 3 == 0 else town_world(seed)
        rng = np.random.default_rng(seed)
        shown = demonstrations(world, states, Recipe(), rng)
        told = [(one, seen_in(world, list(one.history), one.observation)) for one in shown]
        rows = [(features(seen, one.observation), one.future) for one, seen in told if seen is not None]
        np.savez(path, features=np.stack([f for f, _ in rows]), futures=np.stack([p for _, p in rows]))
        print(f"town {seed}: {len(rows)} of {len(shown)} states", flush=True)


def take(folder: Path) -> None:
    """The same from a folder of demonstrations with targets, whose states may be a camera planner's own; its pictures are not looked at."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for town in ShardFolder(folder).scenes:
        samples = list(ShardFolder(folder, split=town))
        told = [(sample, SEE.answer(sample)) for sample in samples]
        rows = [(features(seen, sample.observation), sample.target.future.poses) for sample, seen in told if seen is not None]
        np.savez(FOLDER / f"{town}.npz", features=np.stack([f for f, _ in rows]), futures=np.stack([p for _, p in rows]))
        print(f"{town}: {len(rows)} of {len(samples)} states", flush=True)


def network(size: int, steps: int) -> nn.Sequential:
    """Features -> poses, scaled."""
    layers: list[nn.Module] = []
    for width in (size, WIDTH, WIDTH):
        layers += [nn.Linear(width, WIDTH), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 3 * steps))


def train(steps: int, held_out: int) -> None:
    """Fits the network; the last towns are held out and say how far its plans are from the expert's."""
    files = sorted(FOLDER.glob("town-*.npz"), key=lambda path: int(path.stem.split("-")[1]))
    rows = [np.load(path) for path in files]
    fit, test = rows[:-held_out], rows[-held_out:]
    x, y = (torch.tensor(np.concatenate([row[name] for row in fit]), dtype=torch.float32) for name in ("features", "futures"))
    tx, ty = (torch.tensor(np.concatenate([row[name] for row in test]), dtype=torch.float32) for name in ("features", "futures"))
    torch.manual_seed(0)
    model, scale = network(x.shape[1], y.shape[1]), torch.tensor(POSE_SCALE, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    for step in range(steps):
        at = torch.randint(len(x), (BATCH,))
        loss = nn.functional.smooth_l1_loss(model(noisy(x[at])).view(-1, *y.shape[1:]), y[at] / scale, beta=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % (steps // 5) == 0 or step == steps - 1:
            with torch.inference_mode():
                off = torch.linalg.vector_norm((model(tx).view(-1, *y.shape[1:]) * scale - ty)[..., :2], dim=-1)
            told = f"mean {off.mean():.2f} m, after 3 s {off[:, -1].mean():.2f} m"
            print(f"step {step}: loss {loss.item():.4f}, held out: {told}", flush=True)
    save_file(model.state_dict(), FOLDER / "model.safetensors")
    print(f"{len(x)} states of {len(fit)} towns; held out {len(tx)} of {len(test)}")


def noisy(x: Tensor) -> Tensor:
    """A little noise, so that single numbers are not learned by heart."""
    return x + 0.02 * torch.randn_like(x)


class SeeMlp:
    """Plans from the true answers of `see`."""

    name = "see-mlp"
    spec = PlannerSpec(window=Window(), pictures="unused", privileged=True)

    def __init__(self) -> None:
        weights = load_file(FOLDER / "model.safetensors")
        self.model = network(weights["0.weight"].shape[1], len(Window().future_times_s))
        self.model.load_state_dict(weights)
        self.model.eval()

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        """Raises PlanError where one of the answers is not known."""
        seen = seen_in(world, [state], observation)
        if seen is None:
            raise PlanError(f"one of {', '.join(PARTS)} is not known here")
        with torch.inference_mode():
            told = self.model(torch.tensor(features(seen, observation), dtype=torch.float32)).double().numpy()
        return Plan(told.reshape(1, -1, 3) * POSE_SCALE, observation.future_times_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("make", "take", "train"))
    parser.add_argument("folders", nargs="*", type=Path, help="of take: of demonstrations with targets")
    parser.add_argument("--first", type=int, default=50_000)
    parser.add_argument("--towns", type=int, default=40)
    parser.add_argument("--states", type=int, default=40)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--held-out", type=int, default=4)
    given = parser.parse_args()
    if given.stage == "make":
        make(given.first, given.towns, given.states)
    elif given.stage == "take":
        for folder in given.folders:
            take(folder)
    else:
        train(given.steps, given.held_out)


if __name__ == "__main__":
    main()
