"""`drive bench metrics`: how fast the planning protocols and NAVSIM's score are, in CPU time on one thread.

Each protocol scores made-up traffic, best of several runs, and beside it runs its plain form (`drive.eval.openloop.plain`)
on the same samples, since machines differ. REFERENCE holds what the projects' own code took on another machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.aligned import aligned
from drive.eval.openloop import plain
from drive.eval.openloop.batch import OpenLoopBatch, Plans
from drive.eval.openloop.made import made_batch, made_plans
from drive.eval.openloop.registry import PROTOCOLS
from drive.eval.report_file import write_json

# nuScenes' validation split.
VAL_SAMPLES = 6019
AGENTS = 30
# ms per sample of the projects' own code on one busy core: making the occupancy and scoring it, all horizons.
REFERENCE = {
    "uniad": 8.38 + 1.74,
    "vad": 5.48,
    "stp3": 25.59 + 2.71,
    "bevplanner": 112.30 + 34.27,
    "sparsedrive": 6.24,
    "exact": 6.24,
    # Scenes: the fastest that the original was seen to score them.
    "navsim2": 1000 / 24,
}
NAVSIM = "navsim2"
NAVSIM_BUSY_RATE = 1.6  # scenes/s of the original on a busy core
PLAIN: dict[str, Callable[[OpenLoopBatch, Plans], Any]] = {
    "uniad": lambda batch, plans: plain.uniad_flags(batch, plans.xy),
    "vad": lambda batch, plans: plain.vad_flags(batch, plans.xy),
    "stp3": lambda batch, plans: plain.stp3_flags(batch, plans.xy),
    "bevplanner": lambda batch, plans: plain.bevplanner_flags(batch, plans.xy),
    "sparsedrive": lambda batch, plans: plain.sparsedrive_flags(batch, plans.xy),
    "exact": lambda batch, plans: plain.exact_flags(batch, plans.poses),
}


@dataclass(frozen=True)
class Speed:
    """Samples per second of CPU time of one protocol, of its plain form and of the project's own code (None = not timed)."""

    protocol: str
    rate: float
    plain: float | None
    reference: float | None

    def rows(self) -> list[dict[str, Any]]:
        """Tidy rows for report.json."""
        values = {
            "samples_per_s": self.rate,
            "times_plain": ratio(self.rate, self.plain),
            "times_reference": ratio(self.rate, self.reference),
        }
        units = {"samples_per_s": "1/s"}
        return [
            {"protocol": self.protocol, "metric": name, "value": value, "unit": units.get(name, "")}
            for name, value in values.items()
            if value is not None
        ]


def ratio(rate: float, other: float | None) -> float | None:
    """How many times faster; None where there is nothing to compare with."""
    return None if other is None else rate / other


def bench_metrics(samples: int = 1024, repeats: int = 5, plain_samples: int = 96) -> tuple[list[Speed], float]:
    """Times every protocol -> speeds, and the CPU seconds that all of them together need for VAL_SAMPLES samples.

    Raises ValueError where a count is below 1.
    """
    if min(samples, repeats, plain_samples) < 1:
        raise ValueError(f"samples and repeats must be 1 or more, got {samples}, {repeats} and {plain_samples}")
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        batch, few = made_batch(samples, AGENTS), made_batch(plain_samples, AGENTS)
        plans, few_plans = made_plans(batch), made_plans(few)
        speeds = []
        for name, protocol in PROTOCOLS.items():
            protocol.results(few, few_plans)  # compiles, or loads what was compiled before
            rate = samples / best_of(partial(protocol.results, batch, plans), repeats)
            slow = PLAIN.get(name)
            plain_rate = None if slow is None else plain_samples / best_of(partial(slow, few, few_plans), repeats)
            speeds.append(Speed(name, rate, plain_rate, 1000 / REFERENCE[name] if name in REFERENCE else None))
    finally:
        cv2.setNumThreads(threads)
    return speeds, sum(VAL_SAMPLES / speed.rate for speed in speeds)


def best_of(work: Callable[[], Any], repeats: int) -> float:
    """Least CPU time in seconds of several runs; it does not grow when others use the machine's cores."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def bench_navsim(path: str | Path, repeats: int = 3) -> Speed:
    """Times NAVSIM's extended PDM score on the scenes of a file (see `drive.eval.navsim.load_scenes`), with the recorded
    drives as plans. Raises ValueError where the file holds no scenes."""
    from drive.eval.navsim import epdms, load_scenes
    from drive.eval.navsim.scene import PLAN_TIMES_S

    scenes = load_scenes(path)
    if not scenes:
        raise ValueError(f"{path} holds no NAVSIM scenes")
    plans = [np.zeros((len(PLAN_TIMES_S), 3)) if scene.human is None else scene.human for scene in scenes]
    epdms(scenes, plans)
    return Speed(NAVSIM, len(scenes) / best_of(partial(epdms, scenes, plans), repeats), None, 1000 / REFERENCE[NAVSIM])


def save_speeds(speeds: list[Speed], together_s: float, folder: str | Path) -> Path:
    """Writes report.json into folder and returns its path."""
    rows = [row for speed in speeds for row in speed.rows()]
    rows.append({"protocol": "all", "metric": "seconds_for_nuscenes_val", "value": together_s, "unit": "s"})
    settings = {"agents": AGENTS, "val_samples": VAL_SAMPLES, "time": "CPU, one thread, best of several runs"}
    return write_json(folder, "bench metrics", {"settings": settings, "rows": rows})


def speed_table(speeds: list[Speed], together_s: float) -> str:
    """The speeds as text."""

    def cell(value: float | None) -> str:
        return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"

    rows = [["protocol", "samples/s", "plain form", "times faster", "project's own", "times faster"]]
    for s in speeds:
        rows.append([s.protocol, *map(cell, (s.rate, s.plain, ratio(s.rate, s.plain), s.reference, ratio(s.rate, s.reference)))])
    notes = (
        f"all protocols over {VAL_SAMPLES:,} samples with {AGENTS} agents: {together_s:.1f} s of CPU time\n"
        "samples per second of CPU time, one thread, best of several runs; the plain form ran just now on this machine, the\n"
        "projects' own code on another (exact: beside SparseDrive's)"
    )
    for speed in (s for s in speeds if s.protocol == NAVSIM):
        times = f"{speed.rate / NAVSIM_BUSY_RATE:.0f} times its {NAVSIM_BUSY_RATE} on a busy core"
        notes += f"\n{NAVSIM}: scenes/s, beside the most that the original was seen to do; {times}"
    return f"{aligned(rows)}\n{notes}"
