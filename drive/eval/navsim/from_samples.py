"""A data set's samples -> NAVSIM scenes, in the ego frame of each t0.

What NAVSIM takes of nuPlan's maps and logs is made of what samples tell: 1.5 seconds of states, five of traffic, twice a second; lanes as
strips of their width, intersections as the junction's lanes inside the drivable area, the route of the recorded drive, red lights as the
samples that follow show them. What a data set does not tell is no term of its scenes (`Scene.lacks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from drive.data.dataset import Samples
from drive.eval.navsim import v1, v2
from drive.eval.navsim.agents import replayed
from drive.eval.navsim.ground import BEYOND, polygons_of
from drive.eval.navsim.pdm_closed import pdm_closed
from drive.eval.navsim.route import RouteAhead, route_ahead
from drive.eval.navsim.runs import ProposalScores
from drive.eval.navsim.scene import AGENTS, DT_S, LANE_GRAPH, LIGHTS, PLAN_TIMES_S, REPLAY_STEPS, ROAD, STEPS, Scene, Traffic
from drive.eval.navsim.states import measured_states
from drive.frames import Array, heading_of, invert_se3, wrap_angle
from drive.roads import Lanes
from drive.schema import Mask, SceneSample, Target, Window

STEP_S = 0.5
# Beyond a longer time without a sample nothing is known of a drive. Nothing is recorded faster than the other.
CUT_S, FASTEST_HZ = 2.0, 20.0
# As NAVSIM's scenes: 1.5 s of history, 5 s of what followed.
SAMPLES_WINDOW = Window(past_s=1.5, future_s=5.0, rate_hz=1 / STEP_S)


@dataclass(frozen=True, eq=False)
class Built:
    """Scenes with their samples; left_out: why samples made none, counted."""

    scenes: tuple[Scene, ...]
    samples: tuple[SceneSample, ...]
    left_out: Counter[str]


def scenes_of(samples: Samples, limit: int | None = None) -> Built:
    """Scenes of all samples, half a second apart, that are whole: no step of SAMPLES_WINDOW missing, a lane under the ego.

    limit: at most so many scenes. Raises ValueError where the samples' windows are shorter than SAMPLES_WINDOW.
    """
    scenes: list[Scene] = []
    kept: list[SceneSample] = []
    left_out = Counter[str]()
    for drive in _drives(samples):
        for k, sample in enumerate(drive):
            found = _scene(sample, drive[k:])
            if isinstance(found, str):
                left_out[found] += 1
                continue
            scenes.append(found)
            kept.append(replace(sample, target=replace(sample.target, map=None, lanes=None, agents=None)))
            if len(scenes) == limit:
                return Built(tuple(scenes), tuple(kept), left_out)
    return Built(tuple(scenes), tuple(kept), left_out)


def _drives(samples: Samples) -> Iterator[list[SceneSample]]:
    """Samples scene by scene, about STEP_S apart where their records come faster."""
    read = lru_cache(maxsize=8)(lambda k: samples[k])
    drive: list[SceneSample] = []
    i, stride = 0, 0
    while i < len(samples):
        sample = read(i)
        if drive and sample.scene != drive[0].scene:
            yield drive
            drive, stride = [], 0
        drive.append(sample)
        ends = min(i + max(stride, 1), len(samples))
        if not stride:
            stride = _stride(sample, read(i + 1)) if i + 1 < len(samples) else 1
            ends = min(i + stride, len(samples))
        same = ends == i + 1 or (ends < len(samples) and read(ends).scene == sample.scene)
        i = ends if same else next((k for k in range(i + 1, ends) if read(k).scene != sample.scene), ends)
    if drive:
        yield drive


def _stride(sample: SceneSample, following: SceneSample) -> int:
    """How many samples of a scene make STEP_S."""
    gap = (following.timestamp_us - sample.timestamp_us) / 1e6
    return max(1, round(STEP_S / max(gap, 1 / FASTEST_HZ))) if following.scene == sample.scene and gap > 0 else 1


def _scene(sample: SceneSample, ahead: Sequence[SceneSample]) -> Scene | str:
    """The scene of a sample, or why there is none. ahead: the sample and those after it in its drive."""
    driven = _driven(sample)
    if driven is None:
        return "the record has not all of 1.5 s before and 5 s after"
    times, states, now = driven
    target, told = sample.target, sample.target.lanes
    lanes = told if told is not None and told.lines else None
    route = None if lanes is None else route_ahead(lanes, _recorded(sample, ahead))
    if lanes is not None and route is None:
        return "no lane lies under the ego"
    scene = Scene(
        token=sample.token,
        ego=states[now],
        reference=np.zeros((STEPS, 3)),
        centreline=np.array([[0.0, 0.0], [1.0, 0.0]]) if route is None else route.line,
        polygons=polygons_of(lanes, target.map),
        route=frozenset((BEYOND, *(() if route is None or lanes is None else (lanes.ids[row] for row in route.rows)))),
        traffic=_nobody() if target.agents is None else replayed(target.agents),
        red=_red(ahead) if target.lights is not None else {},
        past=states[: now + 1],
        human=_at(PLAN_TIMES_S, times[now:], states[now:, :3]),
        log=sample.scene,
        time_s=sample.timestamp_us / 1e6,
        lacks=_lacks(target),
    )
    return scene if route is None or lanes is None else _with_reference(scene, lanes, route)


def _driven(sample: SceneSample) -> tuple[Array, Array, int] | None:
    """Times [N] and states [N, 11] of SAMPLES_WINDOW, and the index of t0; None where a step is missing. Raises ValueError where the
    sample's window is shorter."""
    past, future = sample.observation.past, sample.target.future
    own = past.times_s > -SAMPLES_WINDOW.past_s - STEP_S / 2
    if own.sum() < len(SAMPLES_WINDOW.past_times_s) or len(future.times_s) < len(SAMPLES_WINDOW.future_times_s):
        window = f"{SAMPLES_WINDOW.past_s:g} s before and {SAMPLES_WINDOW.future_s:g} s after t0 at {SAMPLES_WINDOW.rate_hz:g} Hz"
        raise ValueError(f"sample {sample.token}: NAVSIM's scenes need {window}; open the data set with that window")
    if not past.valid[own].all() or not future.valid.all():
        return None
    times = np.concatenate([past.times_s[own], future.times_s])
    return times, measured_states(np.concatenate([past.poses[own], future.poses]), times), int(own.sum()) - 1


def _lacks(target: Target) -> frozenset[str]:
    """What of `NEEDED` a sample does not tell; without lanes nobody asks for lights."""
    lanes = target.lanes is not None and bool(target.lanes.lines)
    road = target.map is not None and bool(target.map.polygons.get("drivable_area"))
    lacking = {LANE_GRAPH: not lanes, LIGHTS: lanes and target.lights is None, AGENTS: target.agents is None, ROAD: not road}
    return frozenset(what for what, missing in lacking.items() if missing)


def _with_reference(scene: Scene, lanes: Lanes, route: RouteAhead) -> Scene:
    limit = float(lanes.limit_mps[route.start]) if lanes.limit_known[route.start] else None
    first, second = pdm_closed(scene, limit, (v1.score, _v2_score))
    return replace(scene, reference=first, reference_v2=second)


def _v2_score(scene: Scene, states: Array) -> ProposalScores:
    return v2.score(scene, states, history=False)


def _recorded(sample: SceneSample, ahead: Sequence[SceneSample]) -> Array:
    """The recorded drive from t0 to the end of its scene, or to the first cut in it, as poses [N, 3] in the ego frame of t0, DT_S apart."""
    cuts = np.flatnonzero(np.diff([one.timestamp_us for one in ahead]) > CUT_S * 1e6)
    ahead = ahead[: cuts[0] + 1] if len(cuts) else ahead
    world = np.stack([one.world_from_ego for one in ahead])
    moved = invert_se3(sample.world_from_ego) @ world
    poses = np.column_stack([moved[:, :2, 3], heading_of(moved)])
    times = np.array([one.timestamp_us - sample.timestamp_us for one in ahead]) / 1e6
    return _at(np.arange(0.0, times[-1] + DT_S / 2, DT_S), times, poses) if len(times) > 1 else poses


def _at(wanted_s: Array, times_s: Array, poses: Array) -> Array:
    """Poses [N, 3] at times [N] -> at other times [T], on lines between them, those of the ends beyond."""
    columns = (poses[:, 0], poses[:, 1], np.unwrap(poses[:, 2]))
    x, y, heading = (np.interp(wanted_s, times_s, values) for values in columns)
    return np.stack([x, y, wrap_angle(heading)], -1)


def _nobody() -> Traffic:
    none = np.zeros((0, REPLAY_STEPS))
    return Traffic((), np.zeros((0, 2)), np.zeros((*none.shape, 3)), np.zeros((*none.shape, 2)), none.astype(bool))


def _red(ahead: Sequence[SceneSample]) -> dict[str, Mask]:
    """Lane -> steps [STEPS] at which its light is red: as each sample shows it, until the next one does."""
    start = ahead[0].timestamp_us / 1e6
    shown: dict[str, Mask] = {}
    times = [one.timestamp_us / 1e6 - start for one in ahead]
    for k, one in enumerate(ahead):
        if times[k] > DT_S * STEPS or one.target.lights is None or one.target.lanes is None:
            continue
        until = times[k + 1] if k + 1 < len(times) else np.inf
        grid = DT_S * np.arange(STEPS) + DT_S / 2
        steps = (grid >= times[k]) & (grid < until)
        for light, lane in one.target.lights.rules:
            if one.target.lights.colours[light] == "red":
                name = one.target.lanes.ids[lane]
                shown[name] = shown.get(name, np.zeros(STEPS, dtype=bool)) | steps
    return shown
