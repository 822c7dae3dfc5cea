"""What the shipped judgement of degraded observations is worth on test towns: false alarms, detection by kind and strength, calibration,
and what a planner's plans lose. Every town's rows are kept in --out; a second call goes on.

    python -m tools.watch_table --shards runs/test-towns --out runs/watch-table
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from drive.asking import Refusal, asked, spec_of
from drive.frames import Array
from drive.make.shard_samples import ShardFolder
from drive.schema import Observation, Planner
from drive.watch.corruptions import KINDS, STRENGTHS, corrupted
from drive.watch.judge import CLEAN, Judge, load_weights
from drive.watch.looks import LEAST_MOVED_M, moved_between
from tools.watch_frames import drawn
from tools.watch_rows import LEARNED

TOWNS = range(910_000, 910_015)
DRIVEN, EVERY_S, MOST = range(910_000, 910_004), 0.5, 60
NAMED = {"stale": "times", "glared": "unlike"}  # reasons that have another name than their kind
CORRUPT_EVERY = 30  # moments; the others count for false alarms alone


def sources(shards: Path) -> Iterator[tuple[str, Callable[[], Iterable[Observation]]]]:
    """Names, and what gives the moments: of drives, then of single frames."""
    for town in DRIVEN:
        yield f"drive-{town}", partial(drawn, town, EVERY_S, MOST)
    for town in TOWNS:
        yield f"single-{town}", partial(_single, shards, town)


def _single(shards: Path, town: int) -> list[Observation]:
    return [sample.observation for sample in ShardFolder(shards, split=f"town-{town:06d}")]


def judged(town: int, moments: Sequence[Observation], judge: Judge, planner: Planner) -> list[dict[str, Any]]:
    """A row for each moment as it is, and of every thirtieth one for each corruption. off_m: how far the plan's last point is from that of
    the clean moment; None where there is none, with the reason."""
    found = []
    for k, moment in enumerate(moments):
        found.append(_row(town, k, CLEAN, 0, moment, judge))
        if k % CORRUPT_EVERY:
            continue
        own = asked(lambda: planner.plan(_shown(planner, moment)))  # noqa: B023 - asked at once
        for kind, strength in [(k, s) for k in KINDS for s in STRENGTHS if k != "frozen" or len(moment.frames) > 1]:
            wrong = corrupted(moment, kind, strength, seed=town + k)
            plan = asked(lambda: planner.plan(_shown(planner, wrong)))  # noqa: B023 - asked at once
            off = None
            if not isinstance(plan, Refusal) and not isinstance(own, Refusal):
                off = float(np.hypot(*(plan.best[-1, :2] - own.best[-1, :2])))
            found.append(_row(town, k, kind, strength, wrong, judge) | {"off_m": off, "still": _still(moment)})
    return found


def _shown(planner: Planner, moment: Observation) -> Observation:
    window = spec_of(planner).window
    return replace(moment, frames=moment.frames[-(window.frames if window else 1) :])


def _still(moment: Observation) -> bool:
    two = moment.frames[-2:]
    return len(two) < 2 or (moved_between(two[0], two[1], moment.speed_mps) or 0.0) < LEAST_MOVED_M


def _row(town: int, moment: int, kind: str, strength: int, shown: Observation, judge: Judge) -> dict[str, Any]:
    told = judge(shown)
    return {
        "town": town,
        "moment": moment,
        "kind": kind,
        "strength": strength,
        "frames": len(shown.frames),
        "p": told.probability,
        "reasons": list(told.reasons),
    }


def table(rows: list[dict[str, Any]], threshold: float) -> str:
    """False alarms on clean moments; by kind and strength how many are noticed, the area under the ROC curve against the clean ones, and
    what the planner's 3 s point moves by."""
    clean = np.array([row["p"] for row in rows if row["kind"] == CLEAN])
    alarmed = [row for row in rows if row["kind"] == CLEAN and row["p"] >= threshold]
    towns = {row["town"] for row in rows}
    two = [row["p"] for row in rows if row["kind"] == CLEAN and row["frames"] > 1]
    lines = [
        f"{len(two)} clean moments of drives: false alarms {100 * np.mean(np.array(two) >= threshold):.2f} %",
        f"{len(clean)} clean moments of {len(towns)} towns: false alarms {100 * len(alarmed) / len(clean):.2f} %, "
        f"in {len({row['town'] for row in alarmed})} towns (threshold {threshold:.3f})",
        f"{'kind':<10}{'strength':>8}{'moments':>9}{'noticed, %':>12}{'ROC area':>10}{'plan off, m':>13}{'refused':>9}{'named, %':>10}",
    ]
    for kind, strength in [(kind, strength) for kind in KINDS for strength in STRENGTHS]:
        own = [row for row in rows if (row["kind"], row["strength"]) == (kind, strength) and not (kind == "frozen" and row["still"])]
        p, off = np.array([row["p"] for row in own]), [row["off_m"] for row in own if row["off_m"] is not None]
        named = np.mean([row["reasons"][:1] != [] and row["reasons"][0].startswith(NAMED.get(kind, kind)) for row in own])
        told = f"{np.median(off):>13.2f}" if off else f"{'-':>13}"
        lines.append(
            f"{kind:<10}{strength:>8}{len(own):>9}{100 * (p >= threshold).mean():>12.1f}{roc_area(clean, p):>10.3f}{told}"
            f"{len(own) - len(off):>9}{100 * named:>10.1f}"
        )
    return "\n".join([*lines, *calibration(rows)])


def roc_area(clean: Array, wrong: Array) -> float:
    """The share of pairs of which the corrupted one has the higher probability, ties half."""
    ordered = np.sort(clean)
    below, up_to = (np.searchsorted(ordered, wrong, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(ordered)))


def calibration(rows: list[dict[str, Any]]) -> list[str]:
    """What is told beside what is so, clean moments and those of the kinds that were learned weighing the same: by tenths, and the
    expected calibration error."""
    used = [row for row in rows if row["kind"] in (CLEAN, *LEARNED) and not (row["kind"] == "frozen" and row["still"])]
    p, wrong = np.array([row["p"] for row in used]), np.array([row["kind"] != CLEAN for row in used])
    weight = np.where(wrong, 0.5 / wrong.sum(), 0.5 / (~wrong).sum())
    lines, error = [f"{'told':<12}{'mean told':>10}{'corrupted':>11}{'weight, %':>11}"], 0.0
    for low in np.arange(10) / 10:
        chosen = (p >= low) & ((p < low + 0.1) | (low == 0.9))
        if (total := weight[chosen].sum()) > 0:
            told, so = (weight * p)[chosen].sum() / total, (weight * wrong)[chosen].sum() / total
            error += total * abs(told - so)
            lines.append(f"{low:.1f}-{low + 0.1:.1f}{told:>15.3f}{so:>11.3f}{100 * total:>11.2f}")
    return [*lines, f"expected calibration error {error:.4f}"]


def main() -> None:
    """The command."""
    from drive.planners.load import load_planner
    from drive.render.rigs import load_rig

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planner", default="first-drive")
    parser.add_argument("--shards", type=Path, required=True, help="folder of demonstrations in test towns")
    parser.add_argument("--out", type=Path, required=True, help="folder of a file of rows for each town")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    judge, planner = Judge(load_weights(), tuple(camera.name for camera in load_rig("first-drive"))), load_planner(args.planner)
    rows: list[dict[str, Any]] = []
    for name, moments in sources(args.shards):
        path = args.out / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(judged(int(name.split("-")[1]), list(moments()), judge, planner)))
        rows += json.loads(path.read_text())
    print(table(rows, load_weights().threshold))


if __name__ == "__main__":
    main()
