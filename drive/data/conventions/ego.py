"""Rules of ego poses: the car stands upright, does not jump or turn round between two poses, and drives where it points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drive.data.conventions.facts import LIDAR, MICROSECONDS, Finding, Shot, columns, rotations, rotations_if_xyzw, times
from drive.frames import Array, heading_of, wrap_angle

UPRIGHT = np.cos(np.radians(30))
# Where several units could be, that which makes it drive about so fast.
USUAL_MPS = 8.0
# Between two poses no car moves or turns by more than slack + rate * seconds.
SPEED_MAX_MPS, JUMP_SLACK_M = 70.0, 2.0
TURN_MAX_RADPS, TURN_SLACK_RAD = 2.0, 0.35
# Nobody drives so fast backwards or sideways for so many steps.
FAST_MPS, FAST_M, FAST_STEPS, ASTRAY = 4.0, 1.0, 3, np.radians(60)
# A jump is one of units where the other unit leads so near, and not because all is near the origin.
UNIT_SLACK_M, UNIT_LEAST_M = 0.5, 5.0
# Stretches of up to so many wrong poses are named one by one.
SHORT_STRETCH = 50
UNITS = ((1000.0, "millimetres"), (100.0, "centimetres"))


@dataclass(frozen=True, eq=False)
class EgoPath:
    """The N poses of a scene in time order: tokens, seconds [N], place [N, 3], heading [N]; heading_xyzw [N], were the
    quaternions stored scalar last."""

    tokens: list[str]
    seconds: Array
    place: Array
    heading: Array
    heading_xyzw: Array

    def fits(self, i: int, j: int, heading: float | None = None) -> bool:
        """Whether a car can come from pose i (with another heading, where given) to pose j or back."""
        dt = abs(self.seconds[j] - self.seconds[i])
        turn = abs(wrap_angle(self.heading[j] - (self.heading[i] if heading is None else heading)))
        return bool(np.linalg.norm(self.place[j] - self.place[i]) <= reach(dt) and turn <= turned(dt))


def reach(dt: Array | float) -> Array | float:
    """Metres that a car can go in seconds."""
    return JUMP_SLACK_M + SPEED_MAX_MPS * dt


def turned(dt: Array | float) -> Array | float:
    """Radians that a car can turn in seconds."""
    return TURN_SLACK_RAD + TURN_MAX_RADPS * dt


def ego_findings(shots: Sequence[Shot]) -> Iterator[Finding]:
    """At most one finding for each pose, and one for a scene whose poses are all of another unit or convention."""
    scenes: dict[str, list[Shot]] = {}
    for shot in shots:
        scenes.setdefault(shot.sample["scene_token"], []).append(shot)
    for name, found in scenes.items():
        yield from _scene(name, found)


def _scene(name: str, shots: list[Shot]) -> Iterator[Finding]:
    shots = list({shot.pose["token"]: shot for shot in shots}.values())
    seconds = times([shot.data for shot in shots]) * MICROSECONDS
    order = np.argsort(seconds, kind="stable")
    shots, seconds = [shots[i] for i in order], seconds[order] - seconds[order[0]]
    quaternions, place = columns([s.pose for s in shots], "rotation", 4), columns([s.pose for s in shots], "translation", 3)
    R, R_xyzw = rotations(quaternions), rotations_if_xyzw(quaternions)
    path = EgoPath([s.pose["token"] for s in shots], seconds, place, heading_of(R), heading_of(R_xyzw))
    tilted = list(_tilts(path, R[:, 2, 2], R_xyzw[:, 2, 2]))
    yield from tilted
    unit = _unit(path)
    if unit:
        yield Finding("length unit", "ego_pose", path.tokens[0], "translation", f"scene {name}: {unit}")
    elif not tilted or len(tilted) < len(path.tokens) / 2:
        known = {finding.token for finding in tilted}
        jumps = [finding for finding in _jumps(path) if finding.token not in known]
        yield from jumps
        if not jumps:
            reference = _reference(shots)
            yield from _astray(name, path, [i for i, s in enumerate(shots) if s.channel == reference])


def _reference(shots: list[Shot]) -> str:
    channels = [shot.channel for shot in shots]
    return LIDAR if LIDAR in channels else channels[0]


def _tilts(path: EgoPath, up: Array, up_xyzw: Array) -> Iterator[Finding]:
    for i in np.flatnonzero(up < UPRIGHT):
        text = f"the car's up axis is {up[i]:.2f}, expected about 1 (z up, quaternion [w, x, y, z])"
        kind = "pose not upright"
        if up_xyzw[i] > UPRIGHT:
            kind, text = "quaternion order", text + "; it stands upright if the quaternion is [x, y, z, w]"
        yield Finding(kind, "ego_pose", path.tokens[i], "rotation", text)


def _unit(path: EgoPath) -> str:
    """Whether most steps that move are too fast, and none is in another unit of length."""
    step, dt = np.linalg.norm(np.diff(path.place, axis=0), axis=1), np.diff(path.seconds)
    moving = step > JUMP_SLACK_M
    if moving.sum() < 3 or np.mean(step[moving] > reach(dt[moving])) <= 0.5:
        return ""
    later = moving & (dt > 0)
    speed = float(np.median(step[later] / dt[later])) if later.any() else np.inf
    sound = [(abs(np.log(speed / factor / USUAL_MPS)), unit) for factor, unit in UNITS if (step / factor <= reach(dt)).all()]
    if not sound:
        return ""
    return f"the car drives at {speed:,.0f} m/s: translations look like {min(sound)[1]}, expected metres"


def _jumps(path: EgoPath) -> Iterator[Finding]:
    """Stretches of poses that cannot be reached from the longest sound stretch: each pose of a short one, the first of a long one."""
    step, turn = np.linalg.norm(np.diff(path.place, axis=0), axis=1), np.abs(wrap_angle(np.diff(path.heading)))
    dt = np.diff(path.seconds)
    breaks = np.flatnonzero((step > reach(dt)) | (turn > turned(dt))) + 1
    stretches = [part.tolist() for part in np.split(np.arange(len(path.tokens)), breaks)]
    main = max(range(len(stretches)), key=lambda k: len(stretches[k]))
    for ways, inner, outer in ((stretches[main + 1 :], 0, -1), (stretches[:main][::-1], -1, 0)):
        anchor = stretches[main][outer]
        for stretch in ways:
            if path.fits(stretch[inner], anchor):
                anchor = stretch[outer]
            else:
                wrong = stretch if len(stretch) <= SHORT_STRETCH else stretch[:1]
                yield from (_jump(path, i, anchor) for i in wrong if not path.fits(i, anchor))


def _jump(path: EgoPath, wrong: int, other: int) -> Finding:
    token, dt = path.tokens[wrong], abs(path.seconds[wrong] - path.seconds[other])
    distance = float(np.linalg.norm(path.place[wrong] - path.place[other]))
    from_other = f"within {dt:.3f} s of ego_pose {path.tokens[other]}"
    if distance > reach(dt):
        for factor, unit in UNITS:
            near = np.linalg.norm(path.place[wrong] / factor - path.place[other]) < UNIT_SLACK_M + reach(dt) - JUMP_SLACK_M
            if near and np.linalg.norm(path.place[other]) > UNIT_LEAST_M:
                text = f"is {distance:,.0f} m away {from_other}: the translation looks like {unit}, expected metres"
                return Finding("length unit", "ego_pose", token, "translation", text)
        speed = f"a speed of {distance / dt:,.0f} m/s" if dt > 0 else "at one time"
        return Finding("ego jump", "ego_pose", token, "translation", f"the car jumps {distance:,.1f} m {from_other}, {speed}")
    turn = np.degrees(wrap_angle(path.heading[wrong] - path.heading[other]))
    text = f"the car turns by {turn:.0f} degrees {from_other}"
    if path.fits(wrong, other, heading=path.heading_xyzw[wrong]):
        return Finding("quaternion order", "ego_pose", token, "rotation", f"{text}, but not if the quaternion is [x, y, z, w]")
    return Finding("ego turned round", "ego_pose", token, "rotation", text)


def _astray(name: str, path: EgoPath, reference: list[int]) -> Iterator[Finding]:
    """A scene whose car drives fast backwards or sideways."""
    place, seconds = path.place[reference], path.seconds[reference]
    move, dt = np.diff(place, axis=0)[:, :2], np.diff(seconds)
    length = np.hypot(move[:, 0], move[:, 1])
    fast = (length > FAST_M) & (length > FAST_MPS * dt)
    course = np.arctan2(move[:, 1], move[:, 0])

    def off(heading: Array) -> Array:
        return np.abs(wrap_angle(course - heading[reference][:-1]))

    astray = fast & (off(path.heading) > ASTRAY)
    if astray.sum() < FAST_STEPS or astray.sum() <= fast.sum() / 2:
        return
    degrees = np.degrees(np.median(off(path.heading)[astray]))
    text = f"scene {name}: the car drives {degrees:.0f} degrees off the direction that it points to (x forward, y left)"
    if np.median(off(path.heading_xyzw)[astray]) < ASTRAY / 2:
        yield Finding("quaternion order", "ego_pose", path.tokens[0], "rotation", f"{text}, but not if quaternions are [x, y, z, w]")
    else:
        yield Finding("motion against heading", "ego_pose", path.tokens[0], "rotation", f"{text}: rotations look inverted or turned")
