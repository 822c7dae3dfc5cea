"""The embedded set is what its script makes, byte for byte where that does not depend on the version of OpenCV."""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.cameras import project
from drive.data.dataset import open_dataset
from drive.data.images import read_image

TOOLS = Path(__file__).resolve().parents[2] / "tools"
SCENE = "right-30m"
# Drawing is slow: only every so many pictures are drawn, the others stay black and are not compared.
DRAWN_EVERY = 13


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("made") / "set with spaces"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        record, tool = importlib.import_module("mini.record"), importlib.import_module("make_mini")
        draw, count = record.draw, itertools.count()
        black = np.zeros((225, 400, 3), dtype=np.uint8)
        patch.setattr(record, "draw", lambda *args: black if next(count) % DRAWN_EVERY else draw(*args))
        assert tool.main([str(out), "--scenes", SCENE]) == 0
        yield out


def test_same_seed_same_rows(made: Path, mini: Path) -> None:
    for table in ("sample", "sample_data", "ego_pose", "sample_annotation", "calibrated_sensor", "instance", "scene"):
        rows = json.loads((made / "v1.0-mini" / f"{table}.json").read_text())
        committed = {row["token"]: row for row in json.loads((mini / "v1.0-mini" / f"{table}.json").read_text())}
        assert rows and all(committed[row["token"]] == row for row in rows)
    assert (made / "can_bus" / f"{SCENE}_pose.json").read_bytes() == (mini / "can_bus" / f"{SCENE}_pose.json").read_bytes()


def test_same_seed_same_pictures_and_points(made: Path, mini: Path) -> None:
    drawn = 0
    for path in (made / "samples").rglob("*.*"):
        committed = mini / path.relative_to(made)
        if path.suffix == ".bin":
            assert path.read_bytes() == committed.read_bytes()
        elif (picture := cv2.imread(str(path))).mean() > 10:
            drawn += 1
            assert np.abs(picture.astype(int) - cv2.imread(str(committed))).mean() < 0.5
    assert drawn == -(-14 * 6 // DRAWN_EVERY)


def test_it_stays_small(mini: Path) -> None:
    assert sum(p.stat().st_size for p in mini.rglob("*") if p.is_file()) <= 6_000_000


@pytest.mark.parametrize("scene", ["straight", "left-40m", "right-45m"])
def test_the_painted_road_is_where_the_map_says(mini: Path, scene: str) -> None:
    """The yellow dashes of the centre line lie at the projection of the map's divider, and nowhere off it on the road."""
    yellow = total = 0
    for sample in open_dataset(mini, split=scene):
        camera, pixels = read_image(sample.observation.frames[-1].cameras[0])
        assert sample.target.map is not None
        (divider,) = sample.target.map.lines["road_divider"]
        steps = np.linspace(0, 1, 200)[:, None]
        line = np.concatenate([a + steps * (b - a) for a, b in zip(divider, divider[1:], strict=False)])
        line = line[(line[:, 0] > 6) & (line[:, 0] < 16)]
        for shift, expected in ((0.0, True), (1.2, False)):
            points = np.column_stack([line + [0, shift], np.zeros(len(line))])
            at, _ = project(camera, points)
            inside = (at > 1).all(1) & (at < [camera.width - 1, camera.height - 1]).all(1)
            red, green, blue = pixels[at[inside, 1].astype(int), at[inside, 0].astype(int)].astype(int).T
            found = (red - blue > 60) & (green - blue > 30)
            if expected:
                yellow, total = yellow + int(found.sum()), total + len(found)
            else:
                assert found.mean() < 0.05
    assert 0.25 < yellow / total < 0.6  # dashes of 3 m every 7.5 m


def test_agents_are_drawn_where_they_are_annotated(mini: Path) -> None:
    """The lead car's tail lights are red at their places on its annotated box, and the road beside it is not."""
    for sample in list(open_dataset(mini, split="straight", maps=False)):
        camera, pixels = read_image(sample.observation.frames[-1].cameras[0])
        agents, now = sample.target.agents, sample.target.agents.now
        ahead = (np.abs(agents.centres[:, now, 1]) < 0.1) & (agents.centres[:, now, 0] > 5) & agents.valid[:, now]
        (lead,) = np.flatnonzero(ahead)
        length, width, _ = agents.sizes[lead]
        rear = agents.centres[lead, now] - [length / 2, 0, 0]
        for side, lit in ((-0.37, True), (0.37, True), (-0.7, False), (0.7, False)):
            # The picture is of the camera's own time: a moment earlier, when the lead car was further back.
            place = rear + [9.0 * sample.observation.frames[-1].cameras[0].time_s, side * width, -0.06]
            (u, v), _ = project(camera, place)
            red, green, blue = pixels[int(v), int(u)].astype(int)
            assert (red - max(green, blue) > 50) == lit
