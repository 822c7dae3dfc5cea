"""Made-up batches: traffic of any size for tests and benchmarks, without a data set."""

from __future__ import annotations

import numpy as np

from drive.eval.openloop.batch import RAW, STEP_S, STEPS, OpenLoopBatch, Plans, batch_from_arrays
from drive.eval.openloop.lidar import NOMINAL_EGO_FROM_LIDAR, rear_axle_path
from drive.frames import Array, heading_of

# (raw category, share, width, length) of what drives and walks about.
KINDS = (
    ("vehicle.car", 0.5, 1.9, 4.6),
    ("human.pedestrian.adult", 0.25, 0.7, 0.7),
    ("vehicle.truck", 0.08, 2.6, 8.0),
    ("vehicle.bicycle", 0.05, 0.6, 1.8),
    ("movable_object.trafficcone", 0.06, 0.4, 0.4),
    ("movable_object.barrier", 0.06, 2.5, 0.6),
)


def made_batch(samples: int, agents: int = 30, seed: int = 0, span_m: float = 55.0) -> OpenLoopBatch:
    """Egos at 0 to 15 m/s on arcs, agents anywhere within span_m, each at its own speed; all futures complete."""
    rng = np.random.default_rng(seed)
    times = np.arange(STEPS + 1) * STEP_S
    path, heading = _arcs(rng.uniform(0, 15, samples), rng.normal(0, 0.12, samples), times)
    kinds = rng.choice(len(KINDS), size=(samples, agents), p=[share for _, share, _, _ in KINDS])
    yaw = rng.uniform(-np.pi, np.pi, (samples, agents))
    speed = np.abs(rng.normal(0, 4, (samples, agents))) * (kinds < 4)
    moved = (speed[..., None] * times)[..., None] * np.stack([np.cos(yaw), np.sin(yaw)], -1)[:, :, None]
    side = np.sin(np.linspace(-1, 1, 20)) + rng.normal(0, 1, (samples, 4, 1))
    boundary = np.stack([np.broadcast_to(np.linspace(-50, 50, 20), side.shape), side + np.array([-9, -6, 6, 9])[:, None]], -1)
    arrays = {
        "gt_traj": path[:, 1:],
        "gt_mask": np.ones((samples, STEPS), dtype=bool),
        "gt_yaw": heading,
        "agent_xy": rng.uniform(-span_m, span_m, (samples, agents, 1, 2)) + moved,
        "agent_yaw": np.repeat(yaw[..., None], STEPS + 1, -1),
        "agent_wl": np.array([(width, length) for _, _, width, length in KINDS])[kinds],
        "agent_valid": rng.random((samples, agents, STEPS + 1)) < 0.97,
        "agent_raw": np.array([RAW.index(name) for name, *_ in KINDS])[kinds],
        "agent_points": rng.integers(0, 40, (samples, agents, STEPS + 1)),
        "agent_visibility": rng.integers(1, 5, (samples, agents, STEPS + 1)),
        "boundary": boundary,
        "n_boundary": np.full(samples, 4),
    }
    return batch_from_arrays(arrays, [f"made-{i // 40}" for i in range(samples)])


def made_plans(batch: OpenLoopBatch, seed: int = 1) -> Plans:
    """The record with an error that grows to about two metres."""
    rng = np.random.default_rng(seed)
    error = rng.normal(0, 1, (len(batch), 1, 2)) * np.linspace(0.1, 2, STEPS)[:, None]
    xy = batch.gt_traj + error
    heading = batch.gt_yaw[:, 1:, None] - heading_of(NOMINAL_EGO_FROM_LIDAR)
    poses = rear_axle_path(np.concatenate([xy, heading], -1), NOMINAL_EGO_FROM_LIDAR)
    return Plans(xy, poses, np.ones(len(batch), dtype=bool))


def _arcs(speed: Array, yaw_rate: Array, times: Array) -> tuple[Array, Array]:
    """Paths [N, 7, 2] in L from the origin ahead, and headings [N, 7] since t0."""
    heading = yaw_rate[:, None] * times
    rate = np.where(np.abs(yaw_rate) < 1e-6, 1e-6, yaw_rate)[:, None]
    radius = speed[:, None] / rate
    return np.stack([-radius * (1 - np.cos(heading)), radius * np.sin(heading)], -1), heading
