"""`drive bench codecs`: how well trajectory codecs write recorded futures, none of which any of them was fitted to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.data.dataset import open_dataset
from drive.frames import Array
from drive.schema import Trajectory, Window
from drive.tokens.codecs import CODECS, TrajectoryCodec
from drive.tokens.codecs.envelope import CAR, breaches
from drive.tokens.vocab import Vocabulary
from drive.world.observe import relative_pose
from drive.world.recorded.scenarionet import log_world
from drive.world.state import DT_S

WINDOWS = (Window(), Window(future_s=4.0), Window(future_s=5.0, rate_hz=4.0))
NAMES = tuple(name for name in CODECS if name != "action-reverse")
NOISE_M = 0.5  # recorded steps shorter than this have no direction: a standing car's places are noise
BACK_STEPS = 5  # over which the speed at t0 is measured in a scene file


@dataclass(frozen=True, eq=False)
class Futures:
    """Recorded positions [N, T, 2] of a window, ego frame of t0, and speeds at t0 [N]. impossible: how many more there were that break
    the bounds of a car (`envelope.CAR`): faults of the record."""

    window: Window
    xy: Array
    speed: Array
    impossible: int


def recorded_futures(sources: Sequence[str | Path], window: Window) -> Futures:
    """The whole futures of data sets and of ScenarioNet's scene files (*.pkl), from every 0.1 s of those. Raises ValueError where there
    is none."""
    found = [pair for source in sources for pair in (_of_scene if str(source).endswith(".pkl") else _of_dataset)(Path(source), window)]
    possible = [not any(breaches(xy, speed, 1 / window.rate_hz, standing_m=NOISE_M).values()) for xy, speed in found]
    kept = [pair for pair, good in zip(found, possible, strict=True) if good]
    if not kept:
        raise ValueError(f"no whole future of {window.future_s:g} s in {', '.join(map(str, sources))}")
    return Futures(window, np.stack([xy for xy, _ in kept]), np.array([speed for _, speed in kept]), len(found) - len(kept))


def _of_dataset(root: Path, window: Window) -> list[tuple[Array, float]]:
    samples = (sample for sample in open_dataset(root, window=window, maps=False))
    whole = [s for s in samples if s.target.future.valid.all() and s.observation.speed_mps is not None]
    return [(_at(window.future_times_s, s.target.future), float(s.observation.speed_mps or 0.0)) for s in whole]


def _at(times_s: Array, future: Trajectory) -> Array:
    """Positions [T, 2] at nominal times: key frames come up to some hundredths of a second beside them."""
    own, xy = np.append(0.0, future.times_s), np.concatenate([np.zeros((1, 2)), future.poses[:, :2]])
    after = np.clip(np.searchsorted(own, times_s), 1, len(own) - 1)
    share = (times_s - own[after - 1]) / (own[after] - own[after - 1])
    return xy[after - 1] + share[:, None] * (xy[after] - xy[after - 1])


def _of_scene(path: Path, window: Window) -> list[tuple[Array, float]]:
    human = log_world(path).static.human[:, :3]
    times, found = np.arange(len(human)) * DT_S, []
    for now in range(BACK_STEPS, len(human)):
        wanted = times[now] + window.future_times_s
        if wanted[-1] <= times[-1]:
            before = relative_pose(human[now], human[now - BACK_STEPS][None])[0]
            rows = relative_pose(human[now], human[now:])
            xy = np.stack([np.interp(wanted, times[now:], rows[:, k]) for k in (0, 1)], -1)
            found.append((xy, float(-before[0] / (BACK_STEPS * DT_S))))
    return found


@dataclass(frozen=True)
class CodecResult:
    """One codec on some futures: tokens a plan (mean, END apart), bits of the vocabulary a plan, distances in metres, share of the
    decoded paths that break the bounds of a car, share that could not be written, milliseconds to write and to read one."""

    codec: str
    window: Window
    count: int
    tokens: float
    bits: float
    mean_m: float
    p99_m: float
    max_m: float
    infeasible: float
    refused: float
    encode_ms: float
    decode_ms: float

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        units = {"tokens": "1", "bits": "bit", "mean_m": "m", "p99_m": "m", "max_m": "m", "infeasible": "1", "refused": "1"}
        units |= {"encode_ms": "ms", "decode_ms": "ms"}
        common = {"codec": self.codec, "slice": _name(self.window), "requested": self.count}
        return [{**common, "metric": name, "value": getattr(self, name), "unit": unit} for name, unit in units.items()]


def bench_codecs(sources: Sequence[str | Path], windows: Sequence[Window] = WINDOWS, names: Sequence[str] = NAMES) -> CodecTable:
    """Every codec that drives forwards on every window's futures."""
    every = [recorded_futures(sources, window) for window in windows]
    return CodecTable([measure(name, futures) for futures in every for name in names], every)


def measure(name: str, futures: Futures) -> CodecResult:
    """One codec on some futures. A future that it cannot write is counted as refused and is in no other figure."""
    kind = CODECS[name]
    declared = kind.declares({})
    vocabulary = Vocabulary().extended(declared)
    codec = kind(vocabulary, futures.window)
    written = _written(codec, futures)
    if not written.answers:
        raise ValueError(f"plan:{name} can write none of the {len(futures.xy)} futures of {_name(futures.window)}; leave it out")
    began = time.process_time()
    decoded = [codec.decode(ids, speed) for ids, _, speed in written.answers]
    decode_ms = 1000 * (time.process_time() - began) / max(1, len(decoded))
    off = np.array([np.hypot(*(path[:, :2] - xy).T) for path, (_, xy, _) in zip(decoded, written.answers, strict=True)])
    broken = [
        any(breaches(path[:, :2], speed, 1 / futures.window.rate_hz).values())
        for path, (_, _, speed) in zip(decoded, written.answers, strict=True)
    ]
    tokens = float(np.mean([len(ids) - 1 for ids, _, _ in written.answers]))
    size = sum(part.size for part in declared) or 256  # text is written in bytes
    count = len(futures.xy)
    return CodecResult(
        name, futures.window, count, tokens, tokens * np.log2(size), float(off.mean()), float(np.quantile(off, 0.99)), float(off.max()),
        float(np.mean(broken)), 1 - len(decoded) / count, written.ms, decode_ms,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Written:
    answers: list[tuple[np.ndarray, Array, float]]
    ms: float


def _written(codec: TrajectoryCodec, futures: Futures) -> _Written:
    began, answers = time.process_time(), []
    for xy, speed in zip(futures.xy, futures.speed, strict=True):
        try:
            answers.append((codec.encode(xy, float(speed)), xy, float(speed)))
        except ValueError:
            continue
    return _Written(answers, 1000 * (time.process_time() - began) / len(futures.xy))


@dataclass(frozen=True, eq=False)
class CodecTable:
    """All results, as text and rows."""

    results: list[CodecResult]
    futures: list[Futures]

    def __str__(self) -> str:
        lines = []
        for futures in self.futures:
            told = f"{len(futures.xy)} recorded futures of {_name(futures.window)}"
            left = f"; {futures.impossible} more that no car drives ({CAR}) are left out" if futures.impossible else ""
            lines += ["", told + left, _HEAD]
            lines += [_line(result) for result in self.results if result.window == futures.window]
        return "\n".join(lines[1:])

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        return [row for result in self.results for row in result.rows()]


_HEAD = "codec            tokens    bits   mean cm     p99     max  infeasible  refused  write ms  read ms"


def _line(r: CodecResult) -> str:
    start = f"{r.codec:<15}{r.tokens:>8.1f}{r.bits:>8.0f}{100 * r.mean_m:>10.1f}{100 * r.p99_m:>8.1f}{100 * r.max_m:>8.1f}"
    return start + f"{100 * r.infeasible:>10.1f} %{100 * r.refused:>7.1f} %{r.encode_ms:>10.2f}{r.decode_ms:>9.2f}"


def _name(window: Window) -> str:
    return f"{window.future_s:g} s at {window.rate_hz:g} Hz"
