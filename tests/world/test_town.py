"""Towns: the same bytes from a seed, different from seed to seed, lanes that join, nothing on the road."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable

import networkx as nx
import numpy as np
import pytest
import shapely

from drive.frames import wrap_angle
from drive.geometry import box_corners
from drive.world.town.layout import TownConfig
from drive.world.town.populate import set_stage
from drive.world.town.town import TOWNS, Town, distribution_hash, make_town


@pytest.fixture(scope="module")
def towns() -> list[Town]:
    return [make_town(seed) for seed in range(8)]


@pytest.fixture(scope="module")
def all_kinds(towns: list[Town]) -> list[Town]:
    return towns + [make_town(seed, TOWNS["country"]) for seed in range(4)]


def graph_of(town: Town) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(lane.id for lane in town.map.lanes)
    graph.add_edges_from((lane.id, after) for lane in town.map.lanes for after in lane.successors)
    return graph


def distinct(towns: Iterable[Town]) -> int:
    """Towns whose lane graphs differ for certain: isomorphic graphs have equal Weisfeiler-Lehman hashes."""
    return len({nx.weisfeiler_lehman_graph_hash(graph_of(town), iterations=6) for town in towns})


def town_bytes(town: Town) -> str:
    digest = hashlib.sha256()
    for lane in town.map.lanes:
        digest.update(lane.centreline.tobytes() + repr((lane.id, lane.successors, lane.yields_to, lane.left)).encode())
    for array in (town.furniture.parked, town.furniture.buildings, town.furniture.trees, town.furniture.signs):
        digest.update(array.tobytes())
    return digest.hexdigest()


def test_lane_graphs_differ_between_seeds(towns: list[Town]) -> None:
    assert distinct(towns) == len(towns)


@pytest.mark.slow
def test_two_hundred_seeds_give_150_lane_graphs() -> None:
    assert distinct(make_town(seed) for seed in range(200)) >= 150


def test_same_seed_same_bytes_whatever_the_hash_seed(towns: list[Town]) -> None:
    code = "import sys; sys.path.insert(0, 'tests/world'); from test_town import *; print(town_bytes(make_town(5)))"
    env = os.environ | {"PYTHONHASHSEED": "77" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout.strip()
    assert told == town_bytes(towns[5])


def test_lanes_join_smoothly(all_kinds: list[Town]) -> None:
    for town in all_kinds:
        for lane in town.map.lanes:
            for name in lane.successors:
                after = town.map.lane(name)
                assert np.hypot(*(lane.centreline[-1] - after.centreline[0])) < 0.1, (lane.id, name)
                end, start = lane.centreline[-1] - lane.centreline[-2], after.centreline[1] - after.centreline[0]
                assert abs(wrap_angle(np.arctan2(*end[::-1]) - np.arctan2(*start[::-1]))) < 0.25, (lane.id, name)


def test_every_lane_leads_everywhere(all_kinds: list[Town]) -> None:
    for town in all_kinds:
        assert nx.is_strongly_connected(graph_of(town))


def test_a_car_fits_on_every_lane_and_nothing_stands_on_them(all_kinds: list[Town]) -> None:
    for town in all_kinds:
        road = shapely.union_all([shapely.Polygon(p.exterior, p.holes) for p in town.map.drivable])
        for lane in town.map.lanes:
            assert road.buffer(0.05).contains(shapely.LineString(lane.centreline).buffer(0.95, cap_style="flat")), lane.id
        lanes = shapely.union_all([shapely.LineString(lane.centreline).buffer(1.2) for lane in town.map.lanes])
        assert not any(road.intersects(shapely.Polygon(box)) for box in box_corners(town.furniture.buildings[:, :5]))
        assert not any(lanes.intersects(shapely.Polygon(box)) for box in box_corners(town.furniture.parked[:, :5]))
        assert not any(road.contains(shapely.Point(tree[:2])) for tree in town.furniture.trees)


def test_all_kinds_of_junctions_and_furniture_appear(towns: list[Town]) -> None:
    kinds = {junction.kind for town in towns for junction in town.map.junctions}
    assert kinds >= {"t", "four-way", "roundabout", "merge", "split", "bend"}
    assert all(len(town.furniture.buildings) > 20 and len(town.furniture.trees) > 10 and len(town.furniture.signs) for town in towns)
    assert any(town.map.lights for town in towns) and any(town.map.crossings for town in towns)


def test_roads_in_the_country_are_long_and_nearly_straight(all_kinds: list[Town]) -> None:
    def lengths_and_bends(town: Town) -> tuple[float, float]:
        roads = [lane for lane in town.map.lanes if lane.kind == "road"]
        chords = [float(np.hypot(*(lane.centreline[-1] - lane.centreline[0])[:2])) for lane in roads]
        return max(lane.length_m for lane in roads), float(np.median([lane.length_m / c for lane, c in zip(roads, chords, strict=True)]))

    found = np.array([lengths_and_bends(town) for town in all_kinds])
    assert found[8:, 0].min() > 1.3 * found[:8, 0].max()
    assert found[8:, 1].max() < 1.02


def test_every_country_has_a_way_over_two_junctions() -> None:
    for seed in range(20):
        stage = set_stage(seed, TOWNS["country"])
        assert stage.goal_m - stage.start_m > 300


def test_distribution_hash_follows_the_parameters() -> None:
    assert distribution_hash(TownConfig()) == distribution_hash(TOWNS["town"]) != distribution_hash(TownConfig(light_chance=0.4))
    with pytest.raises(ValueError, match="seed must be 0 or more"):
        make_town(-1)
