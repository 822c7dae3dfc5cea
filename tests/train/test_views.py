"""Training samples in the views of another rig: what the planner would be shown of them, and nothing read where nothing is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive.config import DatasetConfig
from drive.data.images import read_image
from drive.data.resample import in_rig
from drive.render.rigs import load_rig
from drive.schema import MissingImage, Window
from drive.train.sources.base import Needs
from drive.train.sources.dataset import DatasetSamples

RIG = "first-drive"


@pytest.fixture(scope="module")
def plain() -> DatasetSamples:
    return DatasetSamples(DatasetConfig("dataset", "data/mini", split="val"), Needs(Window()))


def test_a_sample_shows_what_the_planner_would_be_shown(plain: DatasetSamples) -> None:
    rig = load_rig(RIG)
    shown = DatasetSamples(DatasetConfig("dataset", "data/mini", split="val", views=RIG), Needs(Window()))
    assert len(shown) == len(plain)
    sample, wanted = shown[0], in_rig(plain[0].observation, rig)[0]
    for view, own, camera in zip(sample.observation.frames[-1].cameras, wanted.frames[-1].cameras, rig, strict=True):
        assert np.array_equal(view.camera.K, camera.K) and view.camera.name == camera.name
        assert np.array_equal(read_image(view)[1], read_image(own)[1]) and read_image(view)[1].std() > 5
    assert sample.target is not None and sample.token == plain[0].token


def test_unread_samples_name_the_views_and_read_no_file(plain: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = DatasetSamples(DatasetConfig("dataset", "data/mini", split="val", views=RIG), Needs(Window()))
    for sample in shown._samples:
        for view in sample.observation.frames[-1].cameras:
            object.__setattr__(view, "image", Path("nowhere.jpg"))
    cameras = shown.unread(0).observation.frames[-1].cameras
    assert [view.camera.name for view in cameras] == [camera.name for camera in load_rig(RIG)]
    with pytest.raises(MissingImage):
        shown[0]


def test_turned_pictures_have_no_views() -> None:
    with pytest.raises(ValueError, match="leave it empty where views are made"):
        DatasetConfig(views=RIG, yaw_degrees=(5.0,))
