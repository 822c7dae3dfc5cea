"""What falling back is worth: the same moments of busy test towns driven on with something broken, by a planner as it is and watched over.

    python -m tools.watch_drives --planner first-drive --out runs/watch-drives.jsonl

Each drive begins where traffic would be, moving, and lasts `LASTS_S`. Every one is a line of --out; a second call goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from drive.make.demonstrations import drive_by_lane
from drive.planners.faulty import faulty
from drive.planners.watchful import watchful
from drive.schema import Planner
from drive.sim.rollout import Loop, Rollout, rollout
from drive.sim.sight import Sight
from drive.world.state import DT_S, FAULT, OFF_ROAD, SPEED, STATION
from drive.world.town.populate import town_world
from drive.world.world import World

SEEDS, ONSETS, LASTS_S, LEAST_MPS = range(910_100, 910_106), 2, 10.0, 4.0
CELLS = (
    ("black", 3),
    ("dirty", 3),
    ("blurred", 3),
    ("frozen", 3),
    ("swapped", 2),
    ("stale", 3),
    ("speed", 3),
    ("missing", 2),
    ("clean", 0),
)
CAMERAS = ("CAM_FRONT", "CAM_FRONT_FAR")
Cell = tuple[int, int, str, bool]  # seed, moment, kind, watched over


def moments(seed: int) -> list[World]:
    """The town from moments on at which the car moves, spread over a drive as traffic drives."""
    world = town_world(seed)
    states = [state for state in drive_by_lane(world) if state.ego[SPEED] >= LEAST_MPS and not state.flags[FAULT]]
    starts = [states[(2 * k + 1) * len(states) // (2 * ONSETS)] for k in range(ONSETS)]
    return [replace(world, start=start, time_limit_s=LASTS_S) for start in starts]


def driven(world: World, planner: Planner, kind: str, strength: int, watched: bool) -> Rollout:
    """One drive. Where all pictures are black, none is drawn."""
    driver: Any = watchful(planner, CAMERAS) if watched else planner
    black = (kind, strength) == ("black", 3)
    loop = Loop(2.0, sight=Sight("first-drive"), shown="black" if black else "")
    return rollout(world, faulty(driver, kind, strength) if strength and not black else driver, loop)


def row_of(run: Rollout) -> dict[str, Any]:
    """Whether it hit somebody by its own fault, left the road or failed, how far it came, how fast it was at the end."""
    return {
        "collided": bool(run.flags[:, FAULT].any()),
        "off_road": bool(run.flags[:, OFF_ROAD].any()),
        "failed": run.outcome.startswith("planner failed"),
        "metres": float(run.ego[-1, STATION] - run.ego[0, STATION]),
        "end_mps": float(run.ego[-1, SPEED]),
        "seconds": len(run.actions) * DT_S,
        "outcome": run.outcome,
    }


def _cell(row: dict[str, Any]) -> Cell:
    return row["seed"], row["moment"], row["kind"], row["watched"]


def table(rows: list[dict[str, Any]]) -> str:
    """Counts by cell, as it is -> watched over."""
    lines = [f"{'broken':<12}{'drives':>7}{'collided':>12}{'off the road':>14}{'failed':>10}{'metres':>14}"]
    for kind, strength in [*CELLS, ("all broken", 0)]:
        chosen = [row for row in rows if row["kind"] != "clean"] if kind == "all broken" else [row for row in rows if row["kind"] == kind]
        both = {_cell(row)[:3] for row in chosen if row["watched"]} & {_cell(row)[:3] for row in chosen if not row["watched"]}
        own, watched = ([row for row in chosen if row["watched"] is w and _cell(row)[:3] in both] for w in (False, True))
        if both:
            counts = [
                f"{sum(row[name] for row in own)} -> {sum(row[name] for row in watched)}" for name in ("collided", "off_road", "failed")
            ]
            metres = f"{np.mean([row['metres'] for row in own]):.0f} -> {np.mean([row['metres'] for row in watched]):.0f}"
            name = f"{kind} {strength}" if strength else kind
            lines.append(f"{name:<12}{len(own):>7}{counts[0]:>12}{counts[1]:>14}{counts[2]:>10}{metres:>14}")
    return "\n".join(lines)


def main() -> None:
    """The command."""
    from drive.planners.load import load_planner

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planner", default="first-drive")
    parser.add_argument("--out", type=Path, required=True, help="file of a line for each drive")
    parser.add_argument("--kinds", default=",".join(kind for kind, _ in CELLS), help="what is broken, with commas (default: all)")
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
    done, planner = {_cell(row) for row in rows}, load_planner(args.planner)
    wanted = [kind for kind in args.kinds.split(",") if kind]
    for seed in SEEDS:
        worlds: list[World] = []
        for number, (kind, strength), watched in product(range(ONSETS), CELLS, (False, True)):
            if kind not in wanted or (seed, number, kind, watched) in done:
                continue
            worlds = worlds or moments(seed)
            told = {"seed": seed, "moment": number, "kind": kind, "strength": strength, "watched": watched}
            rows.append(told | row_of(driven(worlds[number], planner, kind, strength, watched)))
            with args.out.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
