"""A privileged planner after PDM-Closed (Dauner et al., 2023), and simple privileged baselines.

Proposals follow the route's centre at several speeds and sideways offsets; each is simulated forward with traffic that
reacts, scored with the PDM weights over the horizon, and the best is taken. Where something stands in its lane, detours
around it are proposed as well. It answers for any ego state near its route, so it also gives recovery labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.expert.proposals import (
    NEAR_M,
    OUT_ACCEL,
    OUT_BAD,
    OUT_OFF,
    OUT_STATION,
    OUT_TTC,
    forecast,
    near_ego,
    on_route,
    rear_axle_on_route,
    sharpest_bend,
    shifted_route,
)
from drive.frames import Array
from drive.schema import Observation, Plan, PlanError, PlannerSpec
from drive.world.observe import relative_pose
from drive.world.state import BRAKE, DT_S, FACTOR, GAP, LATERAL, SPEED, STATION, State, Static
from drive.world.world import World

SPEED_FACTORS = (1.0, 0.75, 0.5, 0.25)
OFFSETS_M = (0.0, -0.5, 0.5)
BODY_MARGIN_M = 0.3  # proposals are checked with a body this much wider
STOPS_MPS2 = (3.0, 6.0)  # full stops that are always proposed, along the line the ego is on
HORIZON_S = 4.0
REACH_M = 70.0  # how far ahead things in the way are looked for
DETOUR_HORIZON_S = 12.0
DETOUR_NEAR_M = 160.0  # oncoming traffic comes from farther off than what matters in the lane
DETOUR_CLEARANCE_M = 0.6
SHARPEST_BEND = 0.22  # 1/m; a little less than the wheels can turn
QUEUED_S, QUEUED_M = 3.0, 8.0  # who has stood so long so near behind something that stands waits for it
PASSED_M = 3.0  # what ends so far behind the ego's middle is passed
STAND_OFF_M = 9.0  # how far behind something that stands the ego waits, so that it can still steer out
LOST_M = 12.0
BLEND_S = 1.5  # how soon proposals are back on their line
TOP_SPEED_MPS = 20.0  # progress counts against this speed
HARD_BRAKE_MPS2 = 4.05  # comfort bound of the PDM score


@dataclass(frozen=True, eq=False)
class Proposal:
    """Simulated rows [N, 9] (see `forecast`) and their score."""

    rows: Array
    score: float


class Expert:
    """The privileged planner; `plan_in_world` keeps nothing between calls."""

    name = "expert"
    spec = PlannerSpec(pictures="unused", privileged=True)

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        """The best proposal's poses at the observation's times. Raises PlanError where the ego has lost its route."""
        if abs(state.ego[LATERAL]) > LOST_M:
            raise PlanError(f"the ego is {abs(state.ego[LATERAL]):.0f} m beside its route")
        static, now = self.known(world, state)
        return plan_from_rows(best_proposal(static, now).rows, state, observation)

    def known(self, world: World, state: State) -> tuple[Static, State]:
        """What its search takes for the world: everything as it is."""
        return world.static, state


def load_search(world: World) -> None:
    """Compiles, or loads from disk, the kernels of a plan, a detour's included."""
    ways = _Ways(world.static, world.start)
    sharpest_bend(ways.route(0.0, (1.0, 2.0, 0.0)), ways.station, 1.0)
    best_proposal(world.static, world.start)


def plan_from_rows(rows: Array, state: State, observation: Observation) -> Plan:
    """Simulated rows -> a plan in the ego frame at the observation's times."""
    at = np.minimum(np.round(observation.future_times_s / DT_S).astype(np.int64), len(rows) - 1)
    return Plan(relative_pose(state.ego, rows[at, :3])[None], observation.future_times_s)


def best_proposal(static: Static, state: State) -> Proposal:
    """Simulates and scores; stops early where driving on at full speed in the middle of the lane is perfect."""
    near, ways = near_ego(state, NEAR_M), _Ways(static, state)
    standing, moving = _in_the_way(static, state)
    gap = STAND_OFF_M if len(standing) else None
    best = _score(ways.drive(near, 1.0, 0.0, HORIZON_S, gap=gap), HORIZON_S)
    if not len(standing) and _spotless(best.rows):
        return best
    for factor in SPEED_FACTORS:
        for offset in OFFSETS_M:
            if (factor, offset) != (1.0, 0.0):
                best = _better(best, _score(ways.drive(near, factor, offset, HORIZON_S, gap=gap), HORIZON_S, offset))
    for brake in STOPS_MPS2:
        rows = ways.drive(near, 0.0, ways.lateral, HORIZON_S, brake=brake)
        best = _better(best, _score(rows, HORIZON_S))
    return _detour(ways, near_ego(state, DETOUR_NEAR_M), standing, moving, best) if len(standing) else best


def _in_the_way(static: Static, state: State) -> tuple[Array, Array]:
    """Rows of `on_route`, nearest first, of what has to be gone around, whoever waits behind it included, and of the others."""
    found = on_route(static, state, REACH_M)
    found = found[found[:, 1] > state.ego[STATION] - PASSED_M]
    found = found[np.argsort(found[:, 0], kind="stable")]
    for n in range(len(found) - 1, 0, -1):
        if found[n, 4] == 1 and found[n - 1, 5] > QUEUED_S and found[n, 0] - found[n - 1, 1] < QUEUED_M:
            found[n - 1, 4] = 1
    return found[found[:, 4] == 1], found[found[:, 4] == 0]


def _spotless(rows: Array) -> bool:
    """Whether nothing could be better: no contact, on the road, time to collision kept, gentle."""
    gentle = np.abs(rows[1:, OUT_ACCEL]).max(initial=0.0) < HARD_BRAKE_MPS2
    return bool(gentle and not rows[:, [OUT_BAD, OUT_OFF, OUT_TTC]].any())


def _better(best: Proposal, other: Proposal) -> Proposal:
    return other if other.score > best.score + 1e-9 else best


def _detour(ways: _Ways, near: State, standing: Array, moving: Array, stay: Proposal) -> Proposal:
    """The best way around what stands ahead, where it gets past that, further than staying behind, and stays clean all along.

    There is none while somebody who moves is in the lane before it: that one will stop there, and has to be passed as well.
    """
    half = 0.5 * ways.static.body[1] + DETOUR_CLEARANCE_M
    begin, end, group = standing[0, 0] - 4.0, standing[0, 1] + 3.0, standing[:1]
    for row in standing[1:]:
        if row[0] < end + 12.0:
            group, end = np.concatenate([group, row[None]]), max(end, row[1] + 3.0)
    if ((moving[:, 1] > ways.state.ego[STATION]) & (moving[:, 0] < group[:, 1].max())).any():
        return stay
    best = stay
    for side in (float(group[:, 3].max()) + half, float(group[:, 2].min()) - half):
        if sharpest_bend(ways.route(0.0, (begin, end, side)), ways.station, begin) > SHARPEST_BEND:
            continue
        for factor in (0.7, 0.4):
            rows = ways.drive(near, factor, 0.0, DETOUR_HORIZON_S, gap=None, detour=(begin, end, side))
            past = rows[-1, OUT_STATION] > max(end, stay.rows[-1, OUT_STATION]) + 3.0
            if past and not rows[:, [OUT_BAD, OUT_OFF]].any():
                best = _better(best, Proposal(rows, 2.0 + rows[-1, OUT_STATION] / 1e4 - abs(side) / 100))
    return best


class _Ways:
    """The route of one state as proposals bend it."""

    def __init__(self, static: Static, state: State) -> None:
        self.static, self.state = static, state
        self.count = int(static.path_ptr[1])
        self.station, self.lateral, error = rear_axle_on_route(static.path[: self.count], state.ego, float(static.body[2]))
        self.slope = float(np.tan(np.clip(error, -1.0, 1.0)))
        self.blend = float(np.clip(BLEND_S * state.ego[SPEED], 6.0, 20.0))

    def route(self, offset: float, detour: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Array:
        """The route from where the ego is, back to an offset beside its middle, around a detour."""
        return shifted_route(self.static.path[: self.count], self.station, self.lateral, self.slope, self.blend, offset, *detour)

    def drive(
        self,
        near: State,
        factor: float,
        offset: float,
        horizon_s: float,
        gap: float | None = None,
        detour: tuple[float, float, float] = (0.0, 0.0, 0.0),
        brake: float = 0.0,
    ) -> Array:
        """Rows of one proposal: speed factor, offset; gap to keep, detour to make, or a full stop by a deceleration."""
        path, driver = self.static.path.copy(), self.static.idm.copy()
        path[: self.count] = self.route(offset, detour)
        driver[0, FACTOR] *= factor
        if gap is not None:
            driver[0, GAP] = gap
        if brake > 0.0:
            driver[0, BRAKE] = brake
        body = self.static.body + np.array([0.0, BODY_MARGIN_M, 0.0, 0.0])
        return forecast(self.static._replace(path=path, idm=driver, body=body), near, round(horizon_s / DT_S))


def _score(rows: Array, horizon_s: float, offset: float = 0.0) -> Proposal:
    """PDM weights over a proposal: contact and off-road multiply, then time to collision 5, progress 5, comfort 2.

    Beside the middle of the lane a little is taken off, so that nothing is squeezed past for a metre of progress.
    """
    steps = max(1, len(rows) - 1)
    clean = 1.0 if not rows[:, OUT_BAD].any() else 0.1 * float(np.argmax(rows[:, OUT_BAD])) / steps
    on_road = 1.0 if rows[1:, OUT_OFF].sum() <= 0 else 0.3 - 0.2 * float(rows[1:, OUT_OFF].mean())
    ttc = 0.0 if rows[1:, OUT_TTC].any() else 1.0
    progress = float(rows[-1, OUT_STATION] - rows[0, OUT_STATION]) / (TOP_SPEED_MPS * horizon_s)
    comfort = 1.0 if np.abs(rows[1:, OUT_ACCEL]).max(initial=0.0) < HARD_BRAKE_MPS2 else 0.0
    return Proposal(rows, clean * on_road * (5 * ttc + 5 * progress + 2 * comfort) / 12 - 0.05 * abs(offset))


class LaneFollower:
    """Follows its route at the lanes' speed and brakes for nothing: a control that traffic must punish."""

    name = "lane-follower"
    spec = PlannerSpec(pictures="unused", privileged=True)

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        """Poses on the route."""
        static = world.static
        count = int(static.path_ptr[1])
        ways = _Ways(static, state)
        route = ways.route(0.0)
        station, speed, rows = ways.station, float(state.ego[SPEED]), []
        for _ in range(int(np.ceil(observation.future_times_s[-1] / DT_S)) + 1):
            at = float(np.clip(station, 0.0, count - 1.001))
            i, f = int(at), at % 1.0
            rows.append(route[i, :3] + f * (route[i + 1, :3] - route[i, :3]))
            speed += float(np.clip(route[min(i + 3, count - 1), 3] - speed, -3.0 * DT_S, 1.6 * DT_S))
            station += speed * DT_S
        return plan_from_rows(np.array(rows), state, observation)

