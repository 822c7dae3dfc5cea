"""Others' plans: results in their project's own layout -> a plans file (`convert`), and plans files -> submissions (`SUBMISSIONS`)."""

from __future__ import annotations

from pathlib import Path

from drive.eval.convert import agentdriver, lightemma, navsim, openemma, sparsedrive, uniad, vad, wod_e2e
from drive.eval.convert.base import Converted, ResultSource
from drive.eval.convert.known import Known, known_from_dataset, known_from_file
from drive.words import did_you_mean

SOURCES: dict[str, ResultSource] = {
    "uniad": uniad.SOURCE,
    "vad": vad.SOURCE,
    "sparsedrive": sparsedrive.SOURCE,
    "openemma": openemma.SOURCE,
    "lightemma": lightemma.SOURCE,
    "agentdriver": agentdriver.SOURCE,
    "navsim": navsim.SOURCE,
    "wod-e2e": wod_e2e.SOURCE,
}
MISSING = {
    "order": "names no samples: they stand in the order of time of the split that was tested; give --data DATA [--split NAME], or --tokens "
    "FILE (its info pickle, a JSON list, or a name a line)",
    "poses": "is in the world's frame: give --data DATA, a nuScenes-format data set or a truth file",
}


def convert(path: str | Path, source: str, known: Known | None = None) -> Converted:
    """Somebody's results -> plans by sample. source: a name of SOURCES. known: the samples that they are of; samples of these that the
    results do not speak of become failures.

    Raises ValueError where the source is none, where the results are not in its layout, and where something has to be known first.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; known: {', '.join(SOURCES)}{did_you_mean(source, list(SOURCES))}")
    found, path = SOURCES[source], Path(path)
    if not path.exists():
        raise ValueError(f"no file or folder {path}; --from {source} takes {found.told}")
    if found.needs == "order" and known is None or found.needs == "poses" and (known is None or not known.logs):
        raise ValueError(f"{found.planner}'s {path.name} {MISSING[found.needs]}")
    converted = found.read(path, known)
    return converted.with_missing(known.tokens) if known is not None and found.needs != "poses" else converted


__all__ = ["SOURCES", "Converted", "Known", "convert", "known_from_dataset", "known_from_file"]
