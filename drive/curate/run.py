"""`drive curate`: facts of all records by several workers, kept shard by shard; the passes' findings; decisions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.curate.base import FINE, Judged
from drive.curate.facts import RecordFacts, facts_of
from drive.curate.kept import is_kept, keep, kept_rows, require_whole, written_since
from drive.curate.looker import Network
from drive.curate.recipe import CurationRecipe
from drive.curate.weather import weather_of
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import Verdict, write_decisions
from drive.outputs import writable_folder
from drive.pool import results
from drive.progress import SILENT, Progress

FACTS, DECISIONS = "facts", "curation.parquet"
FACTS_VERSION = 4
NIGHT_MEAN = 55.0  # grey value of a record's middle camera


@dataclass(frozen=True)
class Curated:
    """found: by pass, a finding for each record, FINE where a pass was not shown it."""

    records: list[RecordFacts]
    found: dict[str, list[Judged]]
    decisions: list[Verdict]


def curate(
    root: Path, recipe: CurationRecipe, out: Path, workers: int = 1, progress: Progress = SILENT, split: str | None = None
) -> Curated:
    """Judges records and writes `out`/curation.parquet. Facts that were measured before, of the same shards, are read back.

    Raises ValueError where the records are damaged, naming shard and sample, the split is not there, or a pass needs what is not installed.
    """
    for one in recipe.passes():
        one.check()
    folder = RecordFolder(root, split)
    writable_folder(out / FACTS)
    records = _facts(folder, out / FACTS, recipe.network, workers, progress)
    progress.begin("judging", len(recipe.passes()))
    found: dict[str, list[Judged]] = {}
    kept = list(range(len(records)))
    for one in recipe.passes():
        if one.weighs:
            kept = [i for i in range(len(records)) if not any(rows[i].reason for rows in found.values())]
        shown = kept if one.weighs else range(len(records))
        judged = iter(one.judge([records[i] for i in shown]))
        among = set(shown)
        found[one.name] = [next(judged) if i in among else FINE for i in range(len(records))]
        progress.done()
    decisions = [_decision(record, {name: rows[i] for name, rows in found.items()}) for i, record in enumerate(records)]
    write_decisions(out / DECISIONS, decisions)
    progress.end()
    return Curated(records, found, decisions)


def tags_of(record: RecordFacts) -> tuple[str, ...]:
    """What one can choose records by."""
    tags = [f"situation:{record.decision.replace(' ', '_')}"] if record.decision else []
    tags += [f"around:{word}" for word in record.around]
    if record.glances:
        night = bool(np.median([g.mean for g in record.glances.values()]) < NIGHT_MEAN)
        tags += ["light:night"] if night else ["light:day", f"weather:{weather_of(list(record.glances.values()))}"]
    if record.speed_mps is not None:
        tags.append(f"speed:{'standing' if record.speed_mps <= 0.3 else 'slow' if record.speed_mps < 5 else 'fast'}")
    return tuple(tags)


def _decision(record: RecordFacts, found: dict[str, Judged]) -> Verdict:
    reasons = tuple(f"{name}: {one.reason}" for name, one in found.items() if one.reason)
    weight = float(np.prod([one.weight for one in found.values()])) if not reasons else 0.0
    scores = {f"{name}.{score}": float(value) for name, one in found.items() for score, value in one.scores.items()}
    tags = (*tags_of(record), *(tag for one in found.values() for tag in one.tags))
    return Verdict(record.id, not reasons, weight, reasons, tags, scores)


def _facts(folder: RecordFolder, kept_in: Path, network: Network | None, workers: int, progress: Progress) -> list[RecordFacts]:
    """The facts of all records, in their order; with a network, what it makes of their pictures too."""
    rows = _measured(folder, kept_in, None, workers, progress)
    seen = {} if network is None else _measured(folder, kept_in, network, workers, progress)
    return [RecordFacts.from_json(rows[token] | {"embedding": seen.get(token, "")}) for token in folder.tokens]


@dataclass(frozen=True)
class Measuring:
    """What is measured of a shard: facts, or with a network embeddings, and where they are kept."""

    root: Path
    shard: str
    sha256: str
    kept_in: Path
    network: Network | None

    def is_kept(self) -> bool:
        """Whether it was measured. Raises ValueError for a shard that was, and is not what was packed any more."""
        if not is_kept(self.file, self.way, self.sha256):
            return False
        if written_since(self.root / self.shard, self.file):
            require_whole(self.root, self.shard, self.sha256)
            os.utime(self.file)  # so that it is not looked at again
        return True

    @property
    def way(self) -> str | int:
        return FACTS_VERSION if self.network is None else self.network.digest

    @property
    def file(self) -> Path:
        return self.kept_in / f"{Path(self.shard).stem}{'' if self.network is None else f'.{self.way}'}.json"


def _measured(folder: RecordFolder, kept_in: Path, network: Network | None, workers: int, progress: Progress) -> dict[str, Any]:
    """By record; what is kept is not measured again."""
    shards = list(dict.fromkeys(row.shard for row in folder.rows))
    jobs = [Measuring(folder.root, shard, folder.manifest.files[shard]["sha256"], kept_in, network) for shard in shards]
    todo = [job for job in jobs if not job.is_kept()]
    progress.begin(f"{'measuring' if network is None else 'embedding'} {len(folder)} records, by shards", len(jobs))
    progress.done(len(jobs) - len(todo))
    for _ in results(_measure, todo, workers):
        progress.done()
    return {token: value for job in jobs for token, value in kept_rows(job.file).items()}


def _measure(job: Measuring) -> None:
    require_whole(job.root, job.shard, job.sha256)
    folder = RecordFolder(job.root)
    places = [i for i, row in enumerate(folder.rows) if row.shard == job.shard]
    keep(job.file, job.way, job.sha256, {folder.tokens[i]: _told(folder, i, job.network) for i in places})


def _told(folder: RecordFolder, i: int, network: Network | None) -> Any:
    if network is None:
        return facts_of(folder[i], folder.rows[i].source, folder.texts(i)).to_json()
    from drive.curate.embedding import embedding  # brings in torch, which facts do not need

    return embedding(folder[i].observation.frames[-1].cameras, network)
