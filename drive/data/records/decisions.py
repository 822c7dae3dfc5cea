"""`curation.parquet`: what `drive curate` decided of each record, and which samples follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from drive.data.records.index import arrow
from drive.outputs import write_whole


@dataclass(frozen=True)
class Verdict:
    """Of one record. weight: how often it is drawn in an epoch, where it is kept. reasons: of each pass that drops it, "pass: why".
    tags: what kind of moment it is, "situation:turn_left". scores: "pass.score" -> what was measured; what could not be is not there."""

    id: str
    kept: bool
    weight: float
    reasons: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    scores: Mapping[str, float] | None = None


def write_decisions(path: Path, decisions: Sequence[Verdict]) -> None:
    """Writes them. Raises OutputError where they cannot be written."""
    pa = arrow()
    import pyarrow.parquet

    schema = pa.schema(
        [
            ("id", pa.string()),
            ("kept", pa.bool_()),
            ("weight", pa.float64()),
            ("reasons", pa.list_(pa.string())),
            ("tags", pa.list_(pa.string())),
            ("scores", pa.map_(pa.string(), pa.float64())),
        ]
    )
    columns: dict[str, list[Any]] = {f.name: [getattr(d, f.name) for d in decisions] for f in fields(Verdict)}
    columns["scores"] = [sorted((scores or {}).items()) for scores in columns["scores"]]
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table(columns, schema=schema), sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())


def read_decisions(path: Path) -> dict[str, Verdict]:
    """By id. Raises ValueError where the file is damaged or holds something else."""
    pa = arrow()
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        rows = zip(*(table[f.name].to_pylist() for f in fields(Verdict)), strict=True)
        return {id: Verdict(id, kept, weight, tuple(why), tuple(tags), dict(scores)) for id, kept, weight, why, tags, scores in rows}
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no decisions of drive curate ({error}): give its curation.parquet") from error


def tagged(decisions: Mapping[str, Verdict], tags: Sequence[str]) -> set[str]:
    """The ids of those that have all of some tags, and none of those with "not " before them. Raises ValueError for a tag that none has."""
    known = {tag for one in decisions.values() for tag in one.tags}
    unknown = [tag for tag in tags if tag.removeprefix("not ") not in known]
    if unknown:
        raise ValueError(f"no record has the tag {unknown[0].removeprefix('not ')!r}; there are {', '.join(sorted(known))}")
    return {
        name for name, one in decisions.items() if all((tag.removeprefix("not ") in one.tags) != tag.startswith("not ") for tag in tags)
    }


def drawn(decisions: Mapping[str, Verdict], ids: Sequence[str], places: Sequence[int]) -> list[int]:
    """The places of kept records, by weight: systematic sampling in an order drawn once, so that what weights thin out is spread.

    Raises ValueError for records that nothing was decided of.
    """
    unknown = [name for name in ids if name not in decisions]
    if unknown:
        raise ValueError(f"nothing is decided of {len(unknown)} records, such as {unknown[0]}: give decisions of these records")
    kept = [place for name, place in zip(ids, places, strict=True) if decisions[name].kept]
    weights = np.array([decisions[name].weight for name in ids if decisions[name].kept])
    if (weights == 1).all():
        return kept
    order = np.random.default_rng(0).permutation(len(kept))
    ends = np.cumsum(weights[order])
    count = max(1, round(ends[-1]))
    steps = (np.arange(count) + 0.5) * (ends[-1] / count)
    return sorted(kept[i] for i in order[np.searchsorted(ends, steps)])
