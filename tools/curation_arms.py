"""What trainings are compared on to tell what curation is worth: decisions of records, one file each. Arms differ by nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from drive.curate.base import Pass
from drive.curate.recipe import CurationRecipe
from drive.curate.run import curate
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import Verdict, read_decisions, write_decisions
from drive.progress import SILENT, Progress

CLEAN, MIXED, CURATED, RANDOM, ALONE = "clean", "contaminated", "curated", "at random", "only "
SHARE = 0.3
CHOSEN, ANY = f"best {100 * SHARE:.0f} %", f"any {100 * SHARE:.0f} %"
EVEN, TRUTH = "curated, evenly", "by the truth"
MAIN = (MIXED, CLEAN, CURATED, RANDOM, EVEN, TRUTH, CHOSEN, ANY)
TRUTH_FILE = "truth.json"  # of a mix: what is wrong with each record
SITUATION, HARD = "situation:", "alike.hard"


@dataclass(frozen=True)
class Arm:
    """name, records and what a seed's training sees of them; once: trained with one seed alone."""

    name: str
    root: Path
    verdicts: Callable[[int], list[Verdict]]
    once: bool = False


@dataclass(frozen=True)
class Curations:
    """What the default recipe, or another, decides of two folders, and each of its passes alone of the mix."""

    clean: Path
    mix: Path
    out: Path
    recipe: CurationRecipe
    workers: int = 1
    progress: Progress = SILENT

    def of(self, root: Path, recipe: CurationRecipe) -> list[Verdict]:
        """Facts are measured once for each folder."""
        kept = self.out / f"curation-{'clean' if root == self.clean else 'mix'}"
        return curate(root, recipe, kept, self.workers, self.progress).decisions

    def alone(self) -> Iterator[tuple[str, list[Verdict]]]:
        """What each pass does to the mix with no other; those that do nothing are left out."""
        for f in fields(CurationRecipe):
            if isinstance(one := getattr(self.recipe, f.name), Pass):
                none = {other.name: None for other in fields(CurationRecipe) if isinstance(getattr(self.recipe, other.name), Pass)}
                verdicts = self.of(self.mix, replace(self.recipe, **none | {f.name: one}))  # type: ignore[arg-type]
                if any(verdict.weight != 1.0 for verdict in verdicts):
                    yield f.name, verdicts


def arms(curations: Curations, passes: bool) -> list[Arm]:
    """MAIN, and with passes one more for each that does something.

    clean: every record of the clean folder. contaminated: every one of the mix. curated: as the recipe decides of the mix. at random: of
    the mix as many as it keeps. evenly: what it keeps, each as often as any other. by the truth: what nothing is wrong with, as if curation
    erred never. best, any 30 %: of the clean folder, by `well_chosen` and at random.
    """
    clean, mix = curations.clean, curations.mix
    alone = list(curations.alone()) if passes else []  # first, so that the file of decisions that stays is the whole recipe's
    whole, curated, of_clean = everything(mix), curations.of(mix, curations.recipe), curations.of(clean, curations.recipe)
    kept, few = sum(one.kept for one in curated), max(1, round(SHARE * len(of_clean)))
    found = [
        Arm(MIXED, mix, lambda seed: whole),
        Arm(CLEAN, clean, lambda seed: everything(clean)),
        Arm(CURATED, mix, lambda seed: curated),
        Arm(RANDOM, mix, lambda seed: at_random(whole, kept, seed)),
        Arm(EVEN, mix, lambda seed: [replace(one, weight=float(one.kept)) for one in curated]),
        Arm(TRUTH, mix, lambda seed: by_truth(whole, mix)),
        Arm(CHOSEN, clean, lambda seed: well_chosen(of_clean, few)),
        Arm(ANY, clean, lambda seed: at_random(everything(clean), few, seed)),
    ]
    return found + [_alone(name, mix, verdicts) for name, verdicts in alone]


def _alone(name: str, mix: Path, verdicts: list[Verdict]) -> Arm:
    return Arm(f"{ALONE}{name}", mix, lambda seed: verdicts, once=True)


def everything(root: Path) -> list[Verdict]:
    """Every record of a folder, once."""
    return [Verdict(token, True, 1.0) for token in RecordFolder(root).tokens]


def at_random(verdicts: Sequence[Verdict], count: int, seed: int) -> list[Verdict]:
    """As many of the records, drawn by a seed."""
    drawn = set(np.random.default_rng([seed, len(verdicts), count]).permutation(len(verdicts))[:count].tolist())
    return [_told(one, k in drawn, "not drawn") for k, one in enumerate(verdicts)]


def by_truth(verdicts: Sequence[Verdict], mix: Path) -> list[Verdict]:
    """Those records of a mix with which nothing is wrong. Raises FileNotFoundError where it does not tell."""
    wrong = json.loads((mix / TRUTH_FILE).read_text())
    return [_told(one, not wrong[one.id], wrong[one.id]) for one in verdicts]


def well_chosen(verdicts: Sequence[Verdict], count: int) -> list[Verdict]:
    """Of what is kept so many: of each situation as its weights ask for, what looks least like others first."""
    groups: dict[str, list[int]] = defaultdict(list)
    for k, one in enumerate(verdicts):
        if one.kept:
            groups[next((tag for tag in one.tags if tag.startswith(SITUATION)), "")].append(k)
    sizes = shared({name: len(own) for name, own in groups.items()}, _weights(verdicts, groups), count)
    chosen: set[int] = set()
    for name, own in groups.items():
        chosen.update(sorted(own, key=lambda k: -(verdicts[k].scores or {}).get(HARD, 0.0))[: sizes[name]])
    return [_told(one, k in chosen, "others are rarer or harder") for k, one in enumerate(verdicts)]


def _weights(verdicts: Sequence[Verdict], groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {name: sum(verdicts[k].weight for k in own) for name, own in groups.items()}


def shared(there: Mapping[str, int], weights: Mapping[str, float], count: int) -> dict[str, int]:
    """How many of each group: as its weight beside the others', no more than there are; what is left over goes to the others."""
    found = dict.fromkeys(there, 0)
    for _ in range(min(count, sum(there.values()))):
        name = max((n for n in there if found[n] < there[n]), key=lambda n: weights[n] / (found[n] + 1))
        found[name] += 1
    return found


def _told(one: Verdict, kept: bool, why: str) -> Verdict:
    return replace(one, kept=kept, weight=float(kept), reasons=() if kept else (*one.reasons, why))


def decisions_file(path: Path, verdicts: Sequence[Verdict]) -> Path:
    """Writes an arm's decisions. Raises ValueError where the file holds others: trainings by these may be there already."""
    if not path.exists():
        write_decisions(path, verdicts)
    elif any(_differ(one, read_decisions(path).get(one.id)) for one in verdicts):
        raise ValueError(f"{path} holds other decisions than these records and this recipe give: name another folder for the comparison")
    return path


def _differ(one: Verdict, other: Verdict | None) -> bool:
    return other is None or (one.kept, one.weight) != (other.kept, other.weight)
