"""Passes on labels: plans off the road, contradictions, calibrations, boxes that do not fit; and the measurements they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from drive.cameras import Camera
from drive.curate.facts import RecordFacts, scenes_of
from drive.curate.labels import off_road
from drive.curate.passes import rig as rig_pass
from drive.curate.passes.box_fit import BoxFit
from drive.curate.passes.contradictions import Contradictions
from drive.curate.passes.cruising import Cruising
from drive.curate.passes.rig import Rig
from drive.curate.passes.road import Road
from drive.curate.rigs import box_fit
from drive.frames import rotation_z, se3
from drive.schema import Agents, MapPatch
from tests.curate.made import drive, dropped

FUTURE_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


def _labelled(count: int = 12, scene: str = "a") -> list[RecordFacts]:
    """A drive straight on at 8 m/s, with the futures that it drove."""
    future = tuple((t, 8.0 * t, 0.0) for t in FUTURE_S)
    sound = {"off_road_m": 0.0, "jump_mps2": 0.1, "slip_m": 0.0, "hits": 0.0}
    rig = {
        "CAM_FRONT": (0.8, 1.4, 0.5, 0.5, 1.2, -1.2, 1.2, 1.7, 0.0, 1.5),
        "CAM_BACK": (0.8, 1.4, 0.5, 0.5, -1.2, -1.2, 1.2, 0.0, 0.0, 1.5),
    }
    return [replace(r, source="s", command="straight", future=future, scores=sound, rig=rig) for r in drive(count, scene=scene)]


def test_sound_records_stay() -> None:
    records = [*_labelled(), *_labelled(scene="bb")]
    for one in (Road(), Contradictions(), Rig(), BoxFit()):
        assert dropped(one, records) == {}


def test_a_future_that_leaves_the_road() -> None:
    records = _labelled()
    records[3] = replace(records[3], scores={"off_road_m": 2.5})
    records[4] = replace(records[4], scores={})
    assert {k: v.reason for k, v in dropped(Road(), records).items()} == {3: "its future leaves the road by 2.5 m"}


def test_how_far_a_future_is_off_the_road() -> None:
    outline = np.array([[-20, -4], [50, -4], [50, 4], [-20, 4]], dtype=np.float64)
    island = np.array([[20, -1], [20, 1], [24, 1], [24, -1]], dtype=np.float64)  # clockwise: a hole
    patch = MapPatch(polygons={"drivable_area": (outline, island)})
    straight = np.array([[10.0, 0.0], [15.0, 2.0], [30.0, 2.0]])
    assert off_road(patch, straight) == 0.0
    assert off_road(patch, np.array([[10.0, 5.5], [20.0, 7.0]])) == pytest.approx(3.0)
    assert off_road(patch, np.array([[22.0, 0.0]])) == pytest.approx(1.0)
    beside = MapPatch(polygons={"drivable_area": (outline + [0.0, 10.0],)})  # the car is 6 m beside the road and stays there
    assert off_road(beside, straight * [1.0, 0.0]) == 0.0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("jump_mps2", 20.0, "its future begins with 20 m/s2"),
        ("slip_m", 1.0, "its future begins 1.0 m beside what a car can reach"),
        ("off_route_m", 9.0, "its future ends 9 m off the route"),
        ("red_m", 7.0, "its future is 7 m over the line while the light is red"),
        ("hits", 2.0, "its future drives through 2 of the things around"),
    ],
)
def test_futures_that_other_labels_deny(name: str, value: float, told: str) -> None:
    records = _labelled()
    records[5] = replace(records[5], scores={**records[5].scores, name: value})
    assert {k: v.reason for k, v in dropped(Contradictions(), records).items()} == {5: told}


def test_a_future_of_another_moment() -> None:
    """The car brakes from the seventh record on; the labels of three records are those of the one two later."""
    x = np.cumsum([0.0, *[4.0] * 6, *[2.0] * 12])
    records = [replace(r, xy=(float(x[k]), 3.0), scores={}) for k, r in enumerate(_labelled(12))]
    futures = [tuple((0.5 * n, float(x[k + n] - x[k]), 0.0) for n in range(1, 7)) for k in range(12)]
    records = [replace(r, future=futures[k]) for k, r in enumerate(records)]
    assert dropped(Contradictions(), records) == {}
    for k in (3, 4, 5):
        records[k] = replace(records[k], future=futures[k + 2])
    found = dropped(Contradictions(), records)
    assert set(found) == {3, 4, 5} and "off where the car was then" in found[3].reason
    turned = [replace(r, heading_rad=0.5) for r in records]  # the whole drive's poses disagree with its futures
    assert len(dropped(Contradictions(), turned)) >= 9


def test_a_command_that_the_route_or_the_future_denies() -> None:
    records = _labelled(40)
    records = [replace(r, scores={**r.scores, "turn_rad": 0.0}) for r in records]
    records[3] = replace(records[3], command="left")
    records[7] = replace(records[7], scores={"turn_rad": -1.5})
    records[9] = replace(records[9], scores={"turn_rad": 0.63}, command="straight")  # near the bound both words are right
    found = dropped(Contradictions(), records)
    assert {k: v.reason for k, v in found.items()} == {
        3: "its command is left, the route goes straight",
        7: "its command is straight, the route goes right",
    }
    aside = tuple((t, 8.0 * t, 3.0) for t in FUTURE_S)
    others = _labelled(40)
    others[5] = replace(others[5], future=aside)
    assert {k: v.reason for k, v in dropped(Contradictions(off_track_m=9.0), others).items()} == {
        5: "its command is straight, the future goes left"
    }
    assert "command" not in dropped(Contradictions(), others)[5].reason  # that future is wrong, which says nothing of the command
    free = [replace(r, command="left" if k % 2 else "straight") for k, r in enumerate(_labelled(40))]
    assert dropped(Contradictions(), free) == {}  # a source whose commands follow another rule


def test_a_calibration_that_is_not_its_drives() -> None:
    records = [r for scene in ("a", "bb", "ccc", "dddd", "eeeee") for r in _labelled(8, scene=scene)]
    odd = (0.8, 1.4, 0.5, 0.5, 1.2, -1.2, 1.25, 1.7, 0.0, 1.5)
    records[3] = replace(records[3], rig={**records[3].rig, "CAM_FRONT": odd})
    records[5] = replace(records[5], rig={**records[5].rig, "CAM_BACK": (0.88, 1.54, *records[5].rig["CAM_BACK"][2:])})
    for k in range(16, 24):  # a whole drive
        records[k] = replace(records[k], rig={**records[k].rig, "CAM_BACK": (*records[k].rig["CAM_BACK"][:7], 0.6, 0.0, 1.5)})
    found = dropped(Rig(), records)
    assert set(found) == {3, 5, *range(16, 24)}
    assert found[3].camera == "CAM_FRONT" and "degrees off the rest of its drive" in found[3].reason
    assert found[5].reason == "CAM_BACK's calibration is 10.0% in focal length or centre off the rest of its drive"
    assert found[16].reason == "CAM_BACK's calibration is 0.60 m off other drives"
    various = [replace(r, rig={"C": (0.8, 1.4, 0.5, 0.5, 1.2, -1.2, 1.2, 0.6 * len(r.scene), 0.0, 1.5)}) for r in records]
    assert dropped(Rig(), various) == {}  # each drive has a rig of its own


def _fleet(*shifts: float) -> list[RecordFacts]:
    """Two records of each of some drives, whose camera stands so far off."""
    rigs = [{"C": (0.8, 1.4, 0.5, 0.5, 1.2, -1.2, 1.2, 1.7, shift, 1.5)} for shift in shifts]
    return [replace(r, rig=rig) for k, rig in enumerate(rigs) for r in _labelled(2, scene=f"{k:02d}")]


def test_how_far_a_drive_may_be_off_follows_from_its_fleet() -> None:
    alike = [0.0] * 9
    assert set(dropped(Rig(), _fleet(*alike, 0.3))) == {18, 19}  # nine stand alike to the millimetre, the tenth by 30 cm elsewhere
    assert dropped(Rig(), _fleet(*alike, 0.1)) == {}
    assert dropped(Rig(), _fleet(*alike, 0.3, 0.31)) == {}  # another car's, twice
    assert set(dropped(Rig(), _fleet(*alike, 0.3, -0.2))) == {18, 19, 20, 21}
    assert set(dropped(Rig(), _fleet(*alike, 0.6, 0.61))) == {18, 19, 20, 21}  # no car of one fleet has its camera there
    two_cars = [0.0, 0.05] * 5
    assert dropped(Rig(), _fleet(*two_cars)) == {}
    assert set(dropped(Rig(), _fleet(*two_cars, 0.3))) == {20, 21}
    various = list(np.linspace(-0.3, 0.3, 9))
    assert dropped(Rig(), _fleet(*various)) == {}
    assert set(dropped(Rig(), _fleet(*various, 0.6))) == {18, 19}
    assert dropped(Rig(), _fleet(0.0, 0.0, 0.0, 0.0, 0.3)) == {}  # five drives tell no spread


def test_calibrations_are_not_compared_by_all_pairs_of_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, real = 0, rig_pass._apart

    def counted(one: Sequence[float], usual: Sequence[float]) -> tuple[float, float, float]:
        nonlocal compared
        compared += 1
        return real(one, usual)

    monkeypatch.setattr(rig_pass, "_apart", counted)
    shifts = [0.0] * 240 + [0.2 + 0.001 * k for k in range(40)] + [-0.5 - 0.05 * k for k in range(20)]
    assert set(dropped(Rig(), _fleet(*shifts))) == set(range(560, 600))  # the forty stand close to each other
    assert compared < 20 * len(shifts)


def test_drives_of_two_sources_that_are_named_alike_are_two() -> None:
    there = [replace(r, source="other", id=f"o{r.id}", xy=(r.xy[0] + 500.0, r.xy[1])) for r in _labelled()]
    mixed = [r for pair in zip(_labelled(), there, strict=True) for r in pair]
    assert [[records.source for records in (mixed[i] for i in places)] for places in scenes_of(mixed)] == [["other"] * 12, ["s"] * 12]
    assert dropped(Contradictions(), mixed) == {}


def _camera(yaw_deg: float = 0.0) -> Camera:
    forward = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], dtype=np.float64)
    K = np.array([[250.0, 0, 160], [0, 250, 90], [0, 0, 1]])
    return Camera("CAM_FRONT", 320, 180, K, se3(rotation_z(np.radians(yaw_deg)) @ forward, [1.5, 0, 1.5]))


def _agents(rng: np.random.Generator) -> Agents:
    count = 6
    xy = np.stack([rng.uniform(15, 40, count), rng.uniform(-6, 6, count)], -1)
    centres = np.concatenate([xy, np.full((count, 1), 0.8)], -1)[:, None]
    one, yes = np.zeros((count, 1)), np.ones((count, 1), dtype=bool)
    sizes = np.tile([4.0, 1.8, 1.6], (count, 1))
    known = np.full((count, 1), 5, dtype=np.int64)
    names = tuple("vehicle.car" for _ in range(count))
    return Agents(centres, one, sizes, np.zeros((count, 1, 2)), yes, yes, known, known, names, names, np.zeros(1), 0)


def test_boxes_that_fit_the_picture_only_when_moved() -> None:
    """Cars are painted where the true camera sees them; the calibration told is turned by 3 degrees, 13 px."""
    rng = np.random.default_rng(4)
    records = [*_labelled(12), *_labelled(12, scene="bb")]
    for k, record in enumerate(records):
        agents, grey = _agents(rng), np.full((180, 320), 120, np.uint8)
        grey += rng.integers(0, 20, grey.shape, dtype=np.uint8)
        for number in range(6):
            _paint(grey, agents, number)
        told = _camera(3.0 if record.scene == "bb" else 0.0)
        records[k] = replace(record, fit={"CAM_FRONT": box_fit(grey, told, agents)})
    found = dropped(BoxFit(at_least=20), records)
    assert set(found) == set(range(12, 24)) and "further across" in found[12].reason
    assert found[12].scores["px"] == pytest.approx(13, abs=3)


def test_a_few_boxes_that_fit_as_well_in_several_places_tell_nothing() -> None:
    """As in a drive of PandaSet, where 46 boxes of a few things contrasted with what is around them by chance."""
    across = [1.32, 1.2, 1.19, 1.52, 1.32, 1.32, 1.41, 1.26, 1.0, 1.05, 1.1, 1.13, 1.36, 1.34, 1.21, 1.22, 1.15]
    down = [1.68, 1.45, 1.09, 1.1, 1.0, 1.33, 1.26, 1.13, 1.06]
    records = [replace(r, fit={"CAM_FRONT": (8, tuple(across), tuple(down))}) for r in _labelled(12)]
    assert dropped(BoxFit(), records) == {}
    lone = [value if value == 1.52 else 1.0 for value in across]
    assert len(dropped(BoxFit(), [replace(r, fit={"CAM_FRONT": (8, tuple(lone), tuple(down))}) for r in records])) == 12


def _paint(grey: np.ndarray, agents: Agents, number: int) -> None:
    from drive.cameras import project

    half = agents.sizes[number] / 2
    corners = agents.centres[number, 0] + np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    pixels, _ = project(_camera(), corners)
    (left, top), (right, bottom) = pixels.min(0), pixels.max(0)
    cv2.rectangle(grey, (round(left), round(top)), (round(right), round(bottom)), 30, -1)


def test_a_share_of_dull_cruising_stays() -> None:
    records = [replace(r, around=("calm",)) for r in _labelled(40)]
    records[0] = replace(records[0], around=("lead",))
    records[1] = replace(records[1], decision="slower straight")
    found = dropped(Cruising(most_share=0.25), records)
    assert len(found) == 38 - 10 and not {0, 1, 2, 39} & set(found)
    assert dropped(Cruising(most_share=1.0), records) == {}
