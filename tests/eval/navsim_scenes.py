"""Made-up NAVSIM scenes on a straight road: what a test changes is what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from drive.eval.navsim.scene import DT_S, PLAN_TIMES_S, REPLAY_STEPS, STEPS, Polygons, Scene, Traffic
from drive.frames import rotation_2d

LANE_M = 3.6


def strip(left: float, right: float, start: float = -100.0, end: float = 200.0) -> shapely.Polygon:
    return shapely.box(start, right, end, left)


# The ego's lane, one to its left and one to its right, each with a road block around it.
ROAD = (
    ("LANE", "own", strip(LANE_M / 2, -LANE_M / 2)),
    ("LANE", "left", strip(1.5 * LANE_M, LANE_M / 2)),
    ("LANE", "right", strip(-LANE_M / 2, -1.5 * LANE_M)),
    ("ROADBLOCK", "road", strip(1.5 * LANE_M, -1.5 * LANE_M)),
)


def polygons(parts: Sequence[tuple[str, str, shapely.Polygon]] = ROAD) -> Polygons:
    shapes = np.array([shape for _, _, shape in parts], dtype=object)
    return Polygons(tuple(kind for kind, _, _ in parts), tuple(token for _, token, _ in parts), shapes)


def plan(speed: float = 8.0, lateral: float = 0.0) -> np.ndarray:
    """Straight on, moving over to a lateral offset within the first two seconds."""
    y = lateral * np.clip(PLAN_TIMES_S / 2.0, 0, 1)
    return np.stack([speed * PLAN_TIMES_S, y, np.zeros_like(y)], -1)


def state(speed: float = 8.0, y: float = 0.0, x: float = 0.0) -> np.ndarray:
    return np.array([x, y, 0.0, speed, 0, 0, 0, 0, 0, 0, 0])


def agent(x: float, y: float = 0.0, speed: float = 0.0, heading: float = 0.0, kind: str = "vehicle", seen_from: int = 0) -> tuple:
    return x, y, speed, heading, kind, seen_from


def traffic(agents: Sequence[tuple] = (), steps: int = REPLAY_STEPS) -> Traffic:
    """Agents on straight courses; sizes by kind."""
    times = DT_S * np.arange(steps)
    poses = np.zeros((len(agents), steps, 3))
    velocities = np.zeros((len(agents), steps, 2))
    valid = np.ones((len(agents), steps), dtype=bool)
    for i, (x, y, speed, heading, _, seen_from) in enumerate(agents):
        direction = np.array([np.cos(heading), np.sin(heading)])
        poses[i, :, :2] = [x, y] + speed * times[:, None] * direction
        poses[i, :, 2] = heading
        velocities[i] = speed * direction
        valid[i, :seen_from] = False
    kinds = tuple(a[4] for a in agents)
    sizes = np.array([[4.5, 1.9] if kind == "vehicle" else [0.6, 0.6] for kind in kinds]).reshape(-1, 2)
    return Traffic(kinds, sizes, poses, velocities, valid)


def scene(agents: Sequence[tuple] = (), speed: float = 8.0, token: str = "one", **changes: object) -> Scene:
    """The ego in the middle of its lane at the origin, the reference going on at 8 m/s, no red light, no past, no human."""
    reference = np.zeros((STEPS, 3))
    reference[:, 0] = 8.0 * DT_S * np.arange(STEPS)
    line = np.stack([np.arange(-100.0, 200.0), np.zeros(300)], -1)
    base = Scene(token, state(speed), reference, line, polygons(), frozenset({"own"}), traffic(agents))
    return replace(base, **changes)  # type: ignore[arg-type]


def moved(one: Scene, angle: float, shift: np.ndarray) -> Scene:
    """The same scene in a world that is rotated about the origin and then shifted."""
    turn = rotation_2d(angle)

    def poses(p: np.ndarray) -> np.ndarray:
        out = np.array(p, dtype=np.float64)
        out[..., :2] = out[..., :2] @ turn.T + shift
        out[..., 2] = (out[..., 2] + angle + np.pi) % (2 * np.pi) - np.pi
        return out

    t = one.traffic
    shapes = shapely.transform(one.polygons.shapes, lambda xy: xy @ turn.T + shift)
    return replace(
        one,
        ego=poses(one.ego),
        reference=poses(one.reference),
        centreline=one.centreline @ turn.T + shift,
        polygons=Polygons(one.polygons.kinds, one.polygons.tokens, shapes),
        traffic=Traffic(t.types, t.sizes, poses(t.poses), t.velocities @ turn.T, t.valid),
        past=None if one.past is None else poses(one.past),
    )
