"""Rows of the actors, and the LiDAR's points on them."""

from __future__ import annotations

import numpy as np
import shapely

from drive.frames import Array, invert_se3, se2_to_se3, transform_points
from drive.geometry import box_corners
from tests.analytic.rig import LIDAR_MOUNT
from tests.analytic.road import Actor, Scene
from tests.analytic.rows import Row, Writer, chain, ego_pose, pose_fields, token
from tests.analytic.scenes import KEY_FRAME_S

ANNOTATED_M = 60.0
POINTS_PER_SIDE, POINT_HEIGHTS = 4, (0.35, 0.65)


def annotate(writer: Writer, scene: Scene, tokens: list[str]) -> list[Array]:
    """Rows of instance and sample_annotation; returns the LiDAR's points on the actors of each key frame, in its frame."""
    seen: dict[int, list[Row]] = {}
    clouds = []
    for k, sample in enumerate(tokens):
        t = k * KEY_FRAME_S
        ego = ego_pose(scene, t)
        points, levels = _lidar_points(scene.actors, [a.pose(scene.road, t) for a in scene.actors], ego)
        near = [i for i, a in enumerate(scene.actors) if np.hypot(*(a.pose(scene.road, t)[:2] - ego[:2, 3])) < ANNOTATED_M]
        clouds.append(np.concatenate([points[i] for i in near]))
        for i in near:
            seen.setdefault(i, []).append(_annotation(scene, i, k, sample, len(points[i]), levels[i]))
    for i, rows in seen.items():
        names = [row["token"] for row in rows]
        for k, row in enumerate(rows):
            row |= chain(names, k)
        instance: Row = {"token": token("instance", scene.name, i), "category_token": token("category", scene.actors[i].category)}
        instance |= {"nbr_annotations": len(rows), "first_annotation_token": names[0], "last_annotation_token": names[-1]}
        writer.tables.setdefault("instance", []).append(instance)
        writer.tables.setdefault("sample_annotation", []).extend(rows)
    return clouds


def _annotation(scene: Scene, i: int, k: int, sample: str, points: int, level: int) -> Row:
    actor = scene.actors[i]
    kind = actor.category.split(".")[0]
    attribute = "pedestrian.moving" if kind == "human" else "vehicle.moving" if actor.moving else "vehicle.parked"
    length, width, height = actor.size
    pose = se2_to_se3(actor.pose(scene.road, k * KEY_FRAME_S))
    pose[2, 3] = height / 2
    return {
        "token": token("sample_annotation", scene.name, i, k),
        "sample_token": sample,
        "instance_token": token("instance", scene.name, i),
        "visibility_token": str(level),
        "attribute_tokens": [token("attribute", attribute)],
        **pose_fields(pose),
        "size": [width, length, height],
        "num_lidar_pts": points,
        "num_radar_pts": 0,
    }


def _lidar_points(actors: tuple[Actor, ...], poses: list[Array], ego: Array) -> tuple[list[Array], list[int]]:
    """Points on the sides of each actor that no other actor hides from the LiDAR [N, 3], in its frame, and nuScenes'
    visibility level of each actor from the part of its facing points that are not hidden."""
    world_from_lidar = ego @ LIDAR_MOUNT
    eye = world_from_lidar[:2, 3]
    boxes = box_corners(np.array([[*pose, *actor.size[:2]] for pose, actor in zip(poses, actors, strict=True)]))
    outlines = shapely.polygons(boxes)
    clouds, levels = [], []
    for i, actor in enumerate(actors):
        corners = boxes[i]
        steps = np.linspace(0, 1, POINTS_PER_SIDE, endpoint=False)[:, None]
        ring = np.concatenate([a + steps * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
        rays = shapely.linestrings(np.stack([np.broadcast_to(eye, ring.shape), eye + (ring - eye) * 0.999], 1))
        facing = ~shapely.crosses(rays, outlines[i])
        hidden = shapely.intersects(rays[:, None], np.delete(outlines, i)[None]).any(1)
        shown = ring[facing & ~hidden]
        points = np.concatenate([np.column_stack([shown, np.full(len(shown), part * actor.size[2])]) for part in POINT_HEIGHTS])
        clouds.append(transform_points(invert_se3(world_from_lidar), points))
        levels.append(int(np.digitize(len(shown) / max(int(facing.sum()), 1), [0.4, 0.6, 0.8])) + 1)
    return clouds, levels
