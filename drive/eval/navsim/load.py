"""NAVSIM scenes from an .npz file: `n` of them, their arrays led by `s0_`, `s1_`, ..."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from drive.arrays import Arrays, read_arrays
from drive.eval.navsim.scene import PLAN_TIMES_S, STATE_COLUMNS, STEPS, Polygons, Scene, Traffic
from drive.frames import wrap_angle
from drive.schema import Mask

STATES = len(STATE_COLUMNS)
# The connector that a bare `red` [T] is about.
EGO_CONNECTOR = "conn_ego"


def load_scenes(path: str | Path) -> list[Scene]:
    """The scenes of an .npz file, each as of `scene_from_arrays`. Raises ValueError in one line where something is missing or wrong."""
    return [scene for scene, _ in load_with_plans(path)]


def load_with_plans(path: str | Path) -> list[tuple[Scene, NDArray[np.float64] | None]]:
    """The scenes of an .npz file, each with the plan [8, 3] that the file itself brings (`pred`), or None."""
    arrays, stem = read_arrays(path), Path(path).stem
    count = int(Arrays(arrays, where=str(path)).counts("n"))
    if count > len(arrays):
        raise ValueError(f"{path} says n = {count} scenes, but holds {len(arrays)} arrays in all")
    return [(scene_from_arrays(arrays, f"s{i}_", f"{stem}-{i}"), _plan(arrays, f"s{i}_", f"{stem}-{i}")) for i in range(count)]


def scene_from_arrays(arrays: Mapping[str, NDArray[Any]], prefix: str, token: str) -> Scene:
    """A scene from named arrays, the names led by `prefix`; shapes and meaning of each stand in docs/benchmarks.md.

    ego0 [11], ref [41, 3], centerline [C, 2 or more]; poly_type, poly_token [M], poly_n [M] and poly_xy [sum, 2] (outlines one
    after the other); route_tokens [R]; ag_type [A], ag_lw [A, 2], ag_pose [A, T, 3], ag_vel [A, T, 2], ag_valid [A, T]; optional:
    past [K, 11], human [8, 3], red [T] (when the connector EGO_CONNECTOR is red) or red [L, T] with red_tokens [L], token, log,
    time_s, original. Raises ValueError where one is missing or wrong.
    """
    given = Arrays(arrays, prefix, f"scene {token}")
    return Scene(
        token=given.word("token", token),
        ego=given.numbers("ego0", STATES),
        reference=given.numbers("ref", STEPS, 3),
        centreline=given.numbers("centerline", None, None)[:, :2],
        polygons=_polygons(given),
        route=frozenset(given.words("route_tokens")),
        traffic=_traffic(given),
        red=_red(given),
        past=given.numbers("past", None, STATES) if "past" in given else None,
        human=given.numbers("human", len(PLAN_TIMES_S), 3) if "human" in given else None,
        log=given.word("log", ""),
        time_s=float(given.numbers("time_s")) if "time_s" in given else 0.0,
        original=bool(given.flags("original")) if "original" in given else True,
    )


def _plan(arrays: Mapping[str, NDArray[Any]], prefix: str, token: str) -> NDArray[np.float64] | None:
    given = Arrays(arrays, prefix, f"scene {token}")
    return given.loose("pred", None, None) if "pred" in given else None


def _polygons(given: Arrays) -> Polygons:
    kinds, points = given.words("poly_type"), given.numbers("poly_xy", None, 2)
    tokens, lengths = given.words("poly_token", len(kinds)), given.counts("poly_n", len(kinds))
    if (lengths < 3).any() or lengths.sum() != len(points):
        raise ValueError(f"{given.where}: poly_n must be 3 or more each and sum to the {len(points)} points of poly_xy")
    outlines = np.split(points, np.cumsum(lengths)[:-1])
    try:
        return Polygons(kinds, tokens, np.array([shapely.Polygon(outline) for outline in outlines], dtype=object))
    except ValueError as error:
        raise ValueError(f"{given.where}: {error}") from error


def _traffic(given: Arrays) -> Traffic:
    types = given.words("ag_type")
    valid = given.flags("ag_valid", len(types), None)
    sizes, poses = given.numbers("ag_lw", len(types), 2), given.loose("ag_pose", *valid.shape, 3)
    velocities = given.loose("ag_vel", *valid.shape, 2)
    if not (np.isfinite(poses[valid]).all() and np.isfinite(velocities[valid]).all()) or not (sizes > 0).all():
        raise ValueError(f"{given.where}: an agent has a size of 0 or less, or a pose or velocity that is not finite while ag_valid is 1")
    poses, velocities = np.where(valid[..., None], poses, 0.0), np.where(valid[..., None], velocities, 0.0)
    poses[..., 2] = wrap_angle(poses[..., 2])
    try:
        return Traffic(types, sizes, poses, velocities, valid)
    except ValueError as error:
        raise ValueError(f"{given.where}: {error}") from error


def _red(given: Arrays) -> dict[str, Mask]:
    if "red" not in given:
        return {}
    if "red_tokens" not in given:
        return {EGO_CONNECTOR: given.flags("red", None)}
    tokens = given.words("red_tokens")
    return dict(zip(tokens, given.flags("red", len(tokens), None), strict=True))
