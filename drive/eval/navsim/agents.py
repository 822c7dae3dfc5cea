"""A sample's agents as NAVSIM replays them: seen twice a second, ten times a second in between."""

from __future__ import annotations

import numpy as np

from drive.eval.navsim.scene import DT_S, REPLAY_STEPS, Traffic
from drive.frames import wrap_angle
from drive.schema import Agents

# nuScenes' categories by how they begin -> nuPlan's types; motorcycles are bicycles there. What fits none is a generic object.
TYPES = (
    ("vehicle.bicycle", "bicycle"),
    ("vehicle.motorcycle", "bicycle"),
    ("vehicle", "vehicle"),
    ("human", "pedestrian"),
    ("movable_object.trafficcone", "traffic_cone"),
    ("movable_object.barrier", "barrier"),
    ("movable_object.sign", "czone_sign"),
)


def type_of(category: str) -> str:
    """nuPlan's type of a nuScenes category."""
    return next((kind for start, kind in TYPES if category.startswith(start)), "generic_object")


def replayed(agents: Agents) -> Traffic:
    """The agents from t0 on, in the ego frame of t0.

    As in NAVSIM: values lie on lines between the moments an agent is seen at, whatever it misses in between; who is seen at one moment
    alone is there all the time (its velocity is then unknown and taken for 0). The last moment seen of the window holds to its end.
    """
    now, times = agents.now, agents.times_s[agents.now :]
    grid, end = DT_S * np.arange(REPLAY_STEPS), len(times) - 1
    rows = np.flatnonzero(agents.valid[:, now:].any(1))
    shape = (len(rows), REPLAY_STEPS)
    poses, velocities, valid = np.zeros((*shape, 3)), np.zeros((*shape, 2)), np.zeros(shape, dtype=bool)
    for k, row in enumerate(rows):
        seen = np.flatnonzero(agents.valid[row, now:])
        at = times[seen]
        turns = np.unwrap(agents.headings[row, now + seen])
        known = np.where(agents.velocity_valid[row, now + seen, None], agents.velocities[row, now + seen], 0.0)
        columns = (*agents.centres[row, now + seen, :2].T, turns)
        poses[k] = np.stack([np.interp(grid, at, values) for values in columns], -1)
        velocities[k] = np.stack([np.interp(grid, at, values) for values in known.T], -1)
        until = np.inf if seen[-1] == end else at[-1] + DT_S / 2
        valid[k] = True if len(seen) == 1 else (grid >= at[0] - DT_S / 2) & (grid <= until)
    poses[..., 2] = wrap_angle(poses[..., 2])
    return Traffic(tuple(type_of(agents.categories[row]) for row in rows), agents.sizes[rows, :2], poses, velocities, valid)
