"""Maps: what is refused, nearest lanes, routes, lights, patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive.maps import Lane, Light, Polygon, RoadMap, linked

SQUARE = Polygon(np.array([[0.0, -5], [100, -5], [100, 5], [0, 5]]))


def straight(name: str, start: tuple[float, float], end: tuple[float, float], **more: object) -> Lane:
    return Lane(name, np.array([start, end], dtype=np.float64), 3.5, 10.0, **more)  # type: ignore[arg-type]


@pytest.fixture()
def two_roads() -> RoadMap:
    """a -> b straight on; c beside a, left of it; d the other way."""
    lanes = [
        straight("a", (0, 0), (50, 0), successors=("b",), left="c"),
        straight("b", (50, 0), (100, 0)),
        straight("c", (0, 3.5), (50, 3.5), right="a"),
        straight("d", (100, 7), (0, 7)),
    ]
    return RoadMap("two", linked(lanes), (SQUARE,))


def test_predecessors_follow_from_successors(two_roads: RoadMap) -> None:
    assert two_roads.lane("b").predecessors == ("a",)


def test_nearest_lane_respects_direction(two_roads: RoadMap) -> None:
    assert two_roads.nearest_lane((20, 0.4, 0.0)) == ("a", pytest.approx(20.0))
    assert two_roads.nearest_lane((20, 6.0, np.pi)) == ("d", pytest.approx(80.0))
    assert two_roads.nearest_lane((20, 40.0, 0.0)) is None
    assert two_roads.nearest_lane((20, 0.0, np.pi), max_distance_m=2.0) is None


def test_route_goes_over_lane_changes_where_allowed(two_roads: RoadMap) -> None:
    assert two_roads.route("c", "b") == ("c", "a", "b")
    with pytest.raises(ValueError, match="no way from lane 'c' to 'b'"):
        two_roads.route("c", "b", lane_changes=False)
    with pytest.raises(ValueError, match="no lane 'nowhere'"):
        two_roads.route("a", "nowhere")


def test_patch_is_in_the_frame_of_the_pose(two_roads: RoadMap) -> None:
    patch = two_roads.patch((50.0, 0.0, np.pi / 2), 60.0)
    assert any(np.allclose(line, [[0, 50], [0, 0]], atol=1e-9) for line in patch.lines["lane_centre"])
    assert two_roads.patch((1000.0, 0.0, 0.0), 60.0).lines["lane_centre"] == ()


def test_light_repeats_its_cycle() -> None:
    light = Light("l", ("a",), (("green", 5.0), ("yellow", 2.0), ("red", 3.0)), offset_s=1.0)
    assert [light.colour(t) for t in (0.0, 3.9, 4.0, 5.9, 6.0, 8.9, 9.0)] == ["green", "green", "yellow", "yellow", "red", "red", "green"]


@pytest.mark.parametrize(
    ("lanes", "message"),
    [
        ([], "no lanes"),
        ([straight("a", (0, 0), (np.nan, 0))], "lane 'a', centreline"),
        ([straight("a", (0, 0), (0, 0))], "all points coincide"),
        ([straight("a", (0, 0), (1, 0)), straight("a", (0, 0), (1, 0))], "not unique"),
        ([straight("a", (0, 0), (1, 0), successors=("b",))], "unknown lane 'b'"),
        ([straight("a", (0, 0), (1e6, 0))], "lanes span"),
        ([replace(straight("a", (0, 0), (1, 0)), width_m=-1.0)], "lane 'a', width_m"),
        ([replace(straight("a", (0, 0), (1, 0)), speed_limit_mps=500.0)], "lane 'a', speed_limit_mps"),
    ],
)
def test_impossible_maps_are_refused(lanes: list[Lane], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RoadMap("bad", tuple(lanes), (SQUARE,))
