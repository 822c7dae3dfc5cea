"""`drive curate`: facts of all records by several workers, kept shard by shard; the passes' findings; decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.curate.base import FINE, Judged
from drive.curate.facts import RecordFacts, facts_of
from drive.curate.recipe import CurationRecipe
from drive.curate.weather import weather_of
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import Verdict, write_decisions
from drive.data.records.index import digest
from drive.outputs import writable_folder, write_whole
from drive.pool import results
from drive.progress import SILENT, Progress

FACTS, DECISIONS = "facts", "curation.parquet"
FACTS_VERSION = 3
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
    records = _facts(folder, out / FACTS, workers, progress)
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


def _facts(folder: RecordFolder, kept: Path, workers: int, progress: Progress) -> list[RecordFacts]:
    """The facts of all records, in their order."""
    shards = list(dict.fromkeys(row.shard for row in folder.rows))
    jobs = [(str(folder.root), shard, str(kept), folder.manifest.files[shard]["sha256"]) for shard in shards]
    todo = [job for job in jobs if not _is_done(job)]
    progress.begin(f"measuring {len(folder)} records, by shards", len(jobs))
    progress.done(len(jobs) - len(todo))
    for _ in results(_measure, todo, workers):
        progress.done()
    by_id = {facts.id: facts for job in jobs for facts in _read(job)}
    return [by_id[token] for token in folder.tokens]


def _file(job: tuple[str, str, str, str]) -> Path:
    return Path(job[2]) / f"{Path(job[1]).stem}.json"


def _is_done(job: tuple[str, str, str, str]) -> bool:
    """Whether a shard's facts are there, and of these very bytes."""
    try:
        told = json.loads(_file(job).read_text())
        return bool(told["version"] == FACTS_VERSION and told["sha256"] == job[3])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _measure(job: tuple[str, str, str, str]) -> None:
    root, shard, _, sha256 = job
    if digest(Path(root) / shard) != sha256:
        raise ValueError(f"{Path(root) / shard} is damaged: `drive check {root}` names its samples")
    folder = RecordFolder(Path(root))
    rows = [facts_of(folder[i], row.source, folder.texts(i)).to_json() for i, row in enumerate(folder.rows) if row.shard == shard]
    write_whole(_file(job), json.dumps({"version": FACTS_VERSION, "sha256": sha256, "records": rows}, allow_nan=False))


def _read(job: tuple[str, str, str, str]) -> Sequence[RecordFacts]:
    return [RecordFacts.from_json(values) for values in json.loads(_file(job).read_text())["records"]]
