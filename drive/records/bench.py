"""Samples a second read in random order: from records, beside the layout that they were packed from."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.records.pack import Settings, pack
from drive.schema import SceneSample

SIZE = (448, 256)  # pictures as first-drive takes them


@dataclass(frozen=True)
class ReadPace:
    """One way to read. first: samples a second of CPU time in the first pass, opening included; again: in later ones."""

    what: str
    first: float
    again: float


@dataclass(frozen=True)
class RecordsBench:
    """Ways to read `samples` samples with `pictures` pictures."""

    samples: int
    pictures: int
    paces: tuple[ReadPace, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        named = ((pace.what, name, getattr(pace, name)) for pace in self.paces for name in ("first", "again"))
        return [{"metric": f"{what}, {name}", "value": value, "unit": "1/s"} for what, name, value in named]

    def __str__(self) -> str:
        lines = [f"{self.samples} samples with {self.pictures} pictures in random order, samples/s of CPU time"]
        lines += [f"  {'':<62}{'first pass':>11}{'later':>9}"]
        lines += [f"  {pace.what:<62}{pace.first:>11,.0f}{pace.again:>9,.0f}" for pace in self.paces]
        return "\n".join(lines)


def bench_records(data: str = "data/mini", repeats: int = 3) -> RecordsBench:
    """Packs a data set into temporary folders, as it is and at SIZE, and reads all. The best of some passes counts as a later one."""
    with tempfile.TemporaryDirectory() as folder:
        plain, small = (str(Path(folder) / name) for name in ("plain", "small"))
        settings = Settings((data,), shares=(("all", 1.0),))
        rows = pack(settings, plain)
        pack(replace(settings, size=SIZE), small)
        roots = {"data set": data, "records": plain}
        ways = [(root, name, maps, False) for maps in (False, True) for name, root in roots.items()]
        ways += [(root, name, False, True) for name, root in {**roots, f"records packed with --size {SIZE[0]}x{SIZE[1]}": small}.items()]
        paces = [_pace(*way, repeats) for way in ways]
        return RecordsBench(len(rows), sum(row.pictures for row in rows), tuple(paces))


def _pace(root: str, name: str, maps: bool, decode: bool, repeats: int) -> ReadPace:
    told = f"{name}{', with maps and lanes' if maps else ''}{f', decoded to {SIZE[0]}x{SIZE[1]}' if decode else ', bytes of pictures'}"
    start = time.process_time()
    samples = open_dataset(root, maps=maps, lanes=maps)
    _pass(samples, decode)
    first = time.process_time() - start
    later = []
    for _ in range(repeats):
        start = time.process_time()
        _pass(samples, decode)
        later.append(time.process_time() - start)
    return ReadPace(told, len(samples) / first, len(samples) / min(later))


def _pass(samples: Sequence[SceneSample] | Any, decode: bool) -> None:
    for i in np.random.default_rng(0).permutation(len(samples)):
        for view in samples[int(i)].observation.frames[-1].cameras:
            if decode:
                read_image(view, *SIZE)
            elif isinstance(view.image, Path):
                view.image.read_bytes()
