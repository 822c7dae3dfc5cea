"""What `see` and `decide` say of states of towns: how often, how large, and beside the pictures.

    python -m tools.see_labels --towns 40 --states 12                        # tables
    python -m tools.see_labels --towns 3 --states 2 --pictures out/seen      # and what the front cameras show
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from drive.answers.see import Seen
from drive.data.images import read_image
from drive.eval.tasks.see import NUMBERS
from drive.make.demonstrations import demonstrations
from drive.make.recipe import Recipe
from drive.schema import SceneSample, Window
from drive.sim.sight import Eyes, Sight
from drive.tasks import declared, make_task
from drive.tasks.seen import flat
from drive.tokens.vocab import Vocabulary
from drive.world.target import sample_of
from drive.world.town.populate import town_world

REQUESTS = ["see", "decide"]
VOCABULARY = Vocabulary().extended(declared(REQUESTS, {}), REQUESTS)


def samples(first: int, towns: int, states: int, rig: str | None) -> Iterator[tuple[SceneSample, np.ndarray | None]]:
    """States as demonstrations show them, with the visible expert's plan for the future, and the front cameras' pictures where asked."""
    for seed in range(first, first + towns):
        world, rng = town_world(seed), np.random.default_rng(seed)
        eyes = Eyes(world, Sight(rig)) if rig else None
        for one in demonstrations(world, states, Recipe(), rng):
            sample = sample_of(world, one.history, len(one.history) - 1, Window())
            future = replace(sample.target.future, poses=one.future, valid=np.ones(len(one.future), dtype=bool))
            sample = replace(sample, observation=one.observation, target=replace(sample.target, future=future))
            views = [] if eyes is None else [read_image(view)[1] for view in eyes.look(one.state) if "FRONT" in view.camera.name]
            yield sample, np.concatenate([v for v in views if len(v) == len(views[0])], 1) if views else None


def table(seen: list[Seen | None]) -> list[str]:
    """A line a part: shares of its words, quantiles of its numbers."""
    told = [one for one in seen if one is not None]
    lines = [f"{len(seen)} states, {len(seen) - len(told)} with a part that is not known"]
    for part in told[0].parts:
        rows = [flat(one)[part] for one in told]
        words = Counter(word for word, _ in rows)
        shares = ", ".join(f"{word} {count / len(rows):.2f}" for word, count in words.most_common() if word)
        lines.append(f"{part:6} {shares}".rstrip())
        numbers = np.array([row for _, row in rows if row])
        for n, (name, unit) in enumerate(NUMBERS[part] if len(numbers) else ()):
            at = " ".join(f"{value:8.3f}" for value in np.quantile(numbers[:, n], (0.01, 0.1, 0.5, 0.9, 0.99)))
            lines.append(f"         {name:9}{unit:5} 1/10/50/90/99 %: {at}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--towns", type=int, default=40)
    parser.add_argument("--states", type=int, default=12)
    parser.add_argument("--rig", default="configs/rigs/first-drive.yaml")
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    see, decide = (make_task(request, VOCABULARY, Window()) for request in REQUESTS)
    seen, decided = [], []
    for sample, picture in samples(given.first, given.towns, given.states, given.rig if given.pictures else None):
        seen.append(see.answer(sample))
        decided.append(decide.answer(sample))
        if picture is not None and seen[-1] is not None:
            given.pictures.mkdir(parents=True, exist_ok=True)
            name = f"{sample.scene}-{sample.index}".replace("/", "-")
            Image.fromarray(picture).save(given.pictures / f"{name}.png")
            had = {"speed_mps": sample.observation.speed_mps, "navigation": str(sample.observation.navigation)}
            told = {**had, "decide": str(decided[-1]), "see": see.to_json(seen[-1])}
            (given.pictures / f"{name}.json").write_text(json.dumps(told, indent=1))
    print("\n".join(table(seen)))
    for decision, count in Counter(map(str, decided)).most_common():
        print(f"{decision:20} {count / len(decided):.3f}")


if __name__ == "__main__":
    main()
