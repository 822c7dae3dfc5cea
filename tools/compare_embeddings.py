"""Which embeddings find near duplicates: the pass `alike` alone, by what records look like and by what networks make of their pictures.

    python -m tools.contaminate mix CLEAN MIX --hard      # duplicates cut, blurred, much brighter or darker
    python -m tools.compare_embeddings MIX --embeddings looks first-answers

precision: of the records dropped, the share by which copies of one moment are too many; recall: of the copies too many, the share dropped.
others: dropped beside what is no copy of theirs. Facts and embeddings are kept in MIX/embeddings; ms: CPU time a record of measuring
both, where nothing was kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from drive.curate.base import Pass
from drive.curate.passes.alike import LOOKS, Alike
from drive.curate.recipe import CurationRecipe
from drive.curate.run import Curated, curate
from drive.eval.aligned import aligned
from tools.contaminate import copies_of

BOUNDS = (0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998)


def alone(one: Alike) -> CurationRecipe:
    """A recipe of this pass and no other."""
    recipe = CurationRecipe()
    others = {f.name: None for f in fields(recipe) if isinstance(getattr(recipe, f.name), Pass)}
    return replace(recipe, **others | {"alike": one})  # type: ignore[arg-type]


def scored(curated: Curated, truth: dict[str, str]) -> list[str]:
    """Dropped, right, precision, recall, others."""
    groups = copies_of(truth)
    number = {name: k for k, members in enumerate(groups) for name in members}
    reasons = {one.id: one.reasons[0] for one in curated.decisions if not one.kept}
    right = sum(min(sum(name in reasons for name in members), len(members) - 1) for members in groups)
    wanted = sum(len(members) - 1 for members in groups)
    others = sum(number.get(name, -1) != number.get(reason.rpartition(" ")[2], -2) for name, reason in reasons.items())
    precision = f"{right / len(reasons):.3f}" if reasons else "-"
    return [str(len(reasons)), str(right), precision, f"{right / max(1, wanted):.3f}", str(others)]


def rows(mix: Path, embedding: str, weights: str, bounds: Sequence[float]) -> list[list[str]]:
    """A row for each bound; the first one's measuring is timed."""
    truth, found = json.loads((mix / "truth.json").read_text()), []
    for bound in bounds:
        begun = time.process_time()
        recipe = alone(Alike(bound=bound, embedding=embedding, weights=weights if embedding != LOOKS else ""))
        curated = curate(mix, recipe, mix / "embeddings")
        cost = 1000 * (time.process_time() - begun) / len(curated.records)
        found.append([embedding, f"{bound:g}", *scored(curated, truth), f"{cost:.1f}"])
    return found


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mix", type=Path)
    parser.add_argument("--embeddings", nargs="+", default=[LOOKS, "first-answers"], help="as `embedding` of the recipe's `alike`")
    parser.add_argument("--weights", default="", help="a safetensors file, where --embeddings names a timm model")
    parser.add_argument("--bounds", nargs="+", type=float, default=BOUNDS)
    args = parser.parse_args(given)
    header = ["embedding", "bound", "dropped", "right", "precision", "recall", "others", "ms"]
    print(aligned([header, *(row for name in args.embeddings for row in rows(args.mix, name, args.weights, args.bounds))]))


if __name__ == "__main__":
    main()
