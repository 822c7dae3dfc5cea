"""Rows of instance and sample_annotation: every thing that a LiDAR point hits, as in nuScenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drive.frames import Array
from drive.make.nuscenes.lidar import Sweep
from drive.make.nuscenes.tables import Row, Rows, chain, flat_fields, token
from drive.world.state import State
from drive.world.things import CLASS_RANGE_M, Things


def points_on(sweep: Sweep) -> dict[int, int]:
    """LiDAR points on each instance."""
    names, counts = np.unique(sweep.instance, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def near_enough(things: Things, state: State) -> list[bool]:
    """Of each thing, whether the detection benchmark counts its category at this distance from the ego."""
    far = np.hypot(*(things.poses(state)[0][:, :2] - state.ego[:2]).T)
    return [bool(far[k] < CLASS_RANGE_M[category]) for k, category in enumerate(things.categories)]


def classes_in_range(things: Things, states: Sequence[State], sweeps: Sequence[Sweep]) -> dict[str, int]:
    """Annotations of each category that the detection benchmark counts: near enough, and hit by the LiDAR."""
    counts = dict.fromkeys(CLASS_RANGE_M, 0)
    for state, sweep in zip(states, sweeps, strict=True):
        hits, near = points_on(sweep), near_enough(things, state)
        for k, category in enumerate(things.categories):
            counts[category] += int(things.instance[k]) in hits and near[k]
    return counts


def all_classes_near(things: Things, states: Sequence[State]) -> bool:
    """Whether every category is near enough at some time: without it no LiDAR has to be asked."""
    near = np.any([near_enough(things, state) for state in states], axis=0)
    return set(CLASS_RANGE_M) <= {category for k, category in enumerate(things.categories) if near[k]}


def annotation_rows(
    scene: str,
    samples: Sequence[str],
    things: Things,
    states: Sequence[State],
    sweeps: Sequence[Sweep],
    levels: Sequence[Mapping[int, int]],
    shift: Array,
) -> Rows:
    """Rows of one scene. levels: visibility level of each instance at each key frame. shift [2]: of the town on its canvas."""
    seen: dict[int, list[Row]] = {}
    for k, (state, sweep) in enumerate(zip(states, sweeps, strict=True)):
        hits, (poses, there) = points_on(sweep), things.poses(state)
        for n in np.flatnonzero(there):
            points = hits.get(int(things.instance[n]), 0)
            if points:
                attribute = things.attribute(int(n), state)
                fields = _box(things.size[n], poses[n], shift)
                fields |= {"attribute_tokens": [token("attribute", attribute)] if attribute else []}
                fields |= {"visibility_token": str(levels[k][int(things.instance[n])]), "num_lidar_pts": points, "num_radar_pts": 0}
                name = token("sample_annotation", scene, things.names[n], k)
                row: Row = {"token": name, "sample_token": samples[k], "instance_token": token("instance", scene, things.names[n])}
                seen.setdefault(int(n), []).append(row | fields)
    instances, annotations = [], []
    for n, rows in sorted(seen.items()):
        tokens = [row["token"] for row in rows]
        annotations += [row | chain(tokens, k) for k, row in enumerate(rows)]
        instance: Row = {"token": rows[0]["instance_token"], "category_token": token("category", things.categories[n])}
        instance |= {"nbr_annotations": len(rows), "first_annotation_token": tokens[0], "last_annotation_token": tokens[-1]}
        instances.append(instance)
    return {"instance": instances, "sample_annotation": annotations}


def _box(size: Array, pose: Array, shift: Array) -> Row:
    length, width, height = (round(float(v), 3) for v in size)
    x, y = pose[:2] + shift
    return {**flat_fields(float(x), float(y), height / 2, float(pose[2])), "size": [width, length, height]}
