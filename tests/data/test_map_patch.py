"""The map around the ego: from the synthetic expansion, from its mask, and that both agree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely

from drive.data.dataset import open_dataset
from drive.data.nuscenes.maps import PATCH_M, MaskMap
from drive.frames import Array
from drive.schema import MapPatch


def signed_area(ring: Array) -> float:
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def area_of(patch: MapPatch) -> shapely.Geometry:
    rings = patch.polygons["drivable_area"]
    outlines = shapely.union_all([shapely.Polygon(r) for r in rings if signed_area(r) > 0])
    return outlines - shapely.union_all([shapely.Polygon(r) for r in rings if signed_area(r) < 0])


def test_a_straight_roads_layers(mini: Path) -> None:
    """The ego's lane is 3.5 m wide and the ego drives in its middle, along x."""
    sample = open_dataset(mini, split="straight")[4]
    patch = sample.target.map
    assert patch is not None
    assert set(patch.polygons) == {"drivable_area", "lane", "ped_crossing", "stop_line"}
    assert set(patch.lines) == {"road_divider", "lane_divider"}
    own, oncoming = sorted(patch.polygons["lane"], key=lambda ring: ring[:, 1].mean())
    assert np.allclose([own[:, 1].min(), own[:, 1].max(), oncoming[:, 1].max()], [-1.75, 1.75, 5.25], atol=2e-3)
    (divider,) = patch.lines["road_divider"]
    assert np.allclose(divider[:, 1], 1.75, atol=2e-3) and divider[:, 0].max() > PATCH_M - 1
    assert all(signed_area(ring) > 0 for rings in patch.polygons.values() for ring in rings)
    assert not patch.polygons["ped_crossing"]


def test_crossings_and_stop_lines(mini: Path) -> None:
    patch = open_dataset(mini, split="brake")[8].target.map
    assert patch is not None and len(patch.polygons["ped_crossing"]) == len(patch.polygons["stop_line"]) == 1
    assert patch.polygons["ped_crossing"][0][:, 0].min() == pytest.approx(patch.polygons["stop_line"][0][:, 0].max() + 0.8, abs=5e-3)


def test_the_recorded_drive_stays_on_the_drivable_area(mini: Path) -> None:
    for sample in open_dataset(mini):
        assert sample.target.map is not None
        path = sample.target.future.poses[sample.target.future.valid]
        assert shapely.contains_xy(area_of(sample.target.map), path[:, 0], path[:, 1]).all()


def test_without_an_expansion_the_mask_gives_the_same_area(one_scene: Path) -> None:
    vector = [s.target.map for s in open_dataset(one_scene)]
    shutil.rmtree(one_scene / "maps" / "expansion")
    raster = [s.target.map for s in open_dataset(one_scene)]
    for a, b in zip(vector, raster, strict=True):
        assert a is not None and b is not None
        assert set(b.polygons) == {"drivable_area"} and not b.lines
        exact, drawn = area_of(a), area_of(b)
        near = shapely.Point(0, 0).buffer(PATCH_M - 1)
        assert ((exact ^ drawn) & near).area < 0.03 * (exact & near).area


def test_a_blank_mask_is_no_map(one_scene: Path) -> None:
    shutil.rmtree(one_scene / "maps" / "expansion")
    cv2.imwrite(str(one_scene / "maps" / "synthetic.png"), np.zeros((50, 50), dtype=np.uint8))
    assert open_dataset(one_scene)[0].target.map is None
    assert open_dataset(one_scene, maps=False)[0].target.map is None


def test_mask_with_a_hole_across_bands_and_beyond_its_edges(tmp_path: Path) -> None:
    """A square of 100 m with a square hole; the ego stands in the hole's lower left corner, turned by 90 degrees."""
    mask = np.zeros((1300, 1203), dtype=np.uint8)
    mask[100:1100, 100:1100] = 255  # x 10 to 110 m, y 20 to 120 m
    mask[500:700, 300:600] = 0  # x 30 to 60 m, y 60 to 80 m
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    source = MaskMap(tmp_path / "m.png")
    patch = source.patch(np.array([30.0, 60.0, np.pi / 2]))
    outline, hole = sorted(patch.polygons["drivable_area"], key=lambda ring: -signed_area(ring))
    assert signed_area(outline) == pytest.approx(80 * 100, rel=0.01) and signed_area(hole) == pytest.approx(-30 * 20, rel=0.03)
    assert np.allclose([hole.min(0), hole.max(0)], [[0, -30], [20, 0]], atol=0.15)
    assert np.allclose([outline.min(0), outline.max(0)], [[-40, -60], [60, 20]], atol=0.15)
    assert not source.patch(np.array([500.0, -300.0, 0.0])).polygons["drivable_area"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "1.0"}'])
def test_a_damaged_expansion_is_refused_by_name(one_scene: Path, text: str) -> None:
    (one_scene / "maps" / "expansion" / "boston-seaport.json").write_text(text)
    with pytest.raises(ValueError, match="boston-seaport.json does not open"):
        open_dataset(one_scene)[0]


def test_a_damaged_mask_is_refused_by_name(one_scene: Path) -> None:
    shutil.rmtree(one_scene / "maps" / "expansion")
    (one_scene / "maps" / "synthetic.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"synthetic.png does not decode"):
        open_dataset(one_scene)[0]


def test_reading_maps_leaves_matplotlibs_style_alone(mini: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    assert open_dataset(mini, limit=1)[0].target.map is not None
    assert dict(matplotlib.rcParams) == before


@pytest.mark.real
def test_real_masks_lie_under_the_recorded_drives(real_data: Path) -> None:
    dataset = open_dataset(real_data / "nuscenes-mini", split="scene-0061")
    for i in range(0, 30, 6):
        patch, future = dataset[i].target.map, dataset[i].target.future
        assert patch is not None
        assert shapely.contains_xy(area_of(patch), future.poses[future.valid][:, 0], future.poses[future.valid][:, 1]).all()


def test_lanes_are_the_expansions_in_the_egos_frame(mini: Path) -> None:
    dataset = open_dataset(mini, split="straight", lanes=True)
    lanes, area = dataset[0].target.lanes, area_of(dataset[0].target.map)  # type: ignore[arg-type]
    assert lanes is not None and len(lanes.ids) == len(lanes.lines) > 0
    assert lanes.width_known.all() and not lanes.limit_known.any() and not lanes.limit_mps.any()
    own = [k for k, line in enumerate(lanes.lines) if shapely.LineString(line).distance(shapely.Point(0, 0)) < 1.0]
    assert own and all(abs(np.diff(lanes.lines[k], axis=0)[0] @ [0, 1]) < 0.1 for k in own)
    assert all(area.buffer(0.1).contains(shapely.Point(line.mean(0))) for line in lanes.lines if np.abs(line.mean(0)).max() < 50)


def test_without_lane_layers_or_expansion_lanes_are_unknown(one_scene: Path) -> None:
    path = one_scene / "maps" / "expansion" / "boston-seaport.json"
    assert open_dataset(one_scene, lanes=True)[0].target.lanes is not None and open_dataset(one_scene)[0].target.lanes is None
    data = json.loads(path.read_text())
    del data["connectivity"]
    path.write_text(json.dumps(data))
    assert open_dataset(one_scene, lanes=True)[0].target.lanes is None and open_dataset(one_scene, lanes=True)[0].target.map is not None
    shutil.rmtree(one_scene / "maps" / "expansion")
    assert open_dataset(one_scene, lanes=True)[0].target.lanes is None
    assert open_dataset(one_scene, lanes=True, maps=False)[0].target.lanes is None
