"""A drive on disk: `NAME.json` (what the world was, who drove, how it went) and `NAME.npz` (actions, states); replays to the same hash."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from drive.frames import Array
from drive.sim.episodes import Episode, make_world
from drive.sim.rollout import HUMAN, Rollout, replay, replay_human

SCHEMA = 1


def save_rollout(run: Rollout, episode: Episode, folder: Path, name: str) -> Path:
    """Writes both files; returns the JSON's path."""
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "schema": SCHEMA,
        "episode": episode.to_json(),
        "world": run.world.name,
        "origin": run.world.origin,
        "planner": run.planner,
        "outcome": run.outcome,
        "steps": len(run.actions),
        "hash": run.hash,
    }
    about |= {"traceback": run.traceback} if run.traceback else {}
    about |= {"thoughts": list(run.thoughts)} if run.thoughts else {}
    arrays = {"actions": run.actions, "ego": run.ego, "pose": run.pose, "speed": run.speed, "active": run.active, "flags": run.flags}
    arrays |= {"plan_steps": np.array([at for at, _ in run.plans], dtype=np.int64), "plan_poses": _stacked(run.plans)}
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(about, indent=1))
    return path


def replay_file(path: str | Path) -> tuple[Rollout, str]:
    """Drives a saved episode again from its actions -> the drive and the hash that the file states.

    Raises ValueError where the file is no saved episode.
    """
    path = Path(path)
    try:
        about = json.loads(path.read_text())
        episode = Episode.from_json(about["episode"])
        stated, outcome, planner = str(about["hash"]), str(about["outcome"]), str(about["planner"])
        thoughts = tuple(str(text) for text in about.get("thoughts", ()))
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name}: not a saved episode ({error})") from error
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        actions, steps, poses = arrays["actions"], arrays["plan_steps"], arrays["plan_poses"]
    if thoughts and len(thoughts) != len(steps):
        raise ValueError(f"{path.name}: not a saved episode ({len(thoughts)} thoughts of {len(steps)} plans)")
    world = make_world(episode)
    if about.get("origin") != world.origin:
        raise ValueError(f"{path.name}: made from another world ({about.get('origin')}, now {world.origin}); replay it with that version")
    run = replay_human(world) if planner == HUMAN else replay(world, actions, outcome, planner)
    plans = tuple((int(at), rows[np.isfinite(rows).all(-1)]) for at, rows in zip(steps, poses, strict=True))
    return dataclasses.replace(run, plans=plans, thoughts=thoughts), stated


def _stacked(plans: tuple[tuple[int, Array], ...]) -> Array:
    """Plans [P, N, 3], the shorter ones filled up with NaN."""
    longest = max((len(poses) for _, poses in plans), default=0)
    rows = np.full((len(plans), longest, 3), np.nan)
    for i, (_, poses) in enumerate(plans):
        rows[i, : len(poses)] = poses
    return rows
