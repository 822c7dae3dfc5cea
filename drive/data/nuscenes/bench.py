"""How long tables take to open and what memory, cold, warm and by nuscenes-devkit, each in a process of its own; and samples a second."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drive.data.dataset import open_dataset
from drive.data.nuscenes.tables import find_version

DEVKIT, COLD, WARM, PASS = "devkit", "cold", "warm", "samples"
TITLES = {DEVKIT: "nuscenes-devkit", COLD: "index, made anew", WARM: "index, as kept"}


@dataclass(frozen=True)
class Opening:
    """A process that opened the tables. cpu_s, wall_s: of the opening, imports included; peak_mb: of the process."""

    how: str
    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True)
class TablesSpeed:
    """samples_per_s: of CPU time, in a first pass over the samples with maps, once index and masks are kept."""

    openings: tuple[Opening, ...]
    samples: int
    samples_per_s: float

    def rows(self) -> list[dict[str, Any]]:
        """Tidy rows."""
        units = {"cpu_s": "s", "wall_s": "s", "peak_mb": "MB"}
        found = [(f"{o.how}_{name}", getattr(o, name), unit) for o in self.openings for name, unit in units.items()]
        rows = [{"metric": name, "value": value, "unit": unit} for name, value, unit in found]
        return [*rows, {"metric": "samples_per_s", "value": self.samples_per_s, "unit": "1/s"}]

    def __str__(self) -> str:
        lines = [f"{TITLES[o.how]:18}{o.cpu_s:10.2f}{o.wall_s:10.2f}{o.peak_mb:10.0f}" for o in self.openings]
        pace = f"first pass over {self.samples} samples with maps, as kept: {self.samples_per_s:.0f} a second of CPU time"
        return "\n".join([f"{'':18}{'CPU s':>10}{'s':>10}{'peak MB':>10}", *lines, pace])


def bench_tables(root: Path, devkit: bool, limit: int = 2000) -> TablesSpeed:
    """Measures a folder in nuScenes format with an empty cache folder. devkit: how it opens them too. limit: samples to pass over."""
    with tempfile.TemporaryDirectory() as cache:
        run = [_child(how, root, cache, limit) for how in ((DEVKIT, COLD, WARM) if devkit else (COLD, WARM))]
        openings = tuple(Opening(how, float(a), float(b), float(c)) for how, a, b, c in run)
        _child(PASS, root, cache, limit)  # decodes the masks
        _, samples, seconds, _ = _child(PASS, root, cache, limit)
    return TablesSpeed(openings, int(samples), int(samples) / float(seconds))


def _child(how: str, root: Path, cache: str, limit: int) -> list[str]:
    code = f"from drive.data.nuscenes.bench import measure; measure({how!r}, {str(root)!r}, {limit})"
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def measure(how: str, root: str, limit: int) -> None:
    """In a process of its own: prints what was done, CPU seconds, seconds, peak memory in MB; of a pass: samples, CPU seconds, 0."""
    if how == PASS:
        dataset = open_dataset(root, limit=limit)
        begin = time.process_time()
        count = sum(1 for _ in dataset)
        print(how, count, time.process_time() - begin, 0)
        return
    wall = time.perf_counter()
    opened = _open_by_devkit(Path(root)) if how == DEVKIT else open_dataset(root, maps=False)
    print(how, time.process_time(), time.perf_counter() - wall, _peak_mb())
    del opened


def _open_by_devkit(root: Path) -> Any:
    from nuscenes.nuscenes import NuScenes

    return NuScenes(version=find_version(root, None), dataroot=str(root), verbose=False)


def _peak_mb() -> float:
    """Memory of this process alone: a child's peak would begin with its parent's."""
    status = Path("/proc/self/status")
    if not status.is_file():
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6
