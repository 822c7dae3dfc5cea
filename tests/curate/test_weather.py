"""The weather of pictures: the embedded data set's drives say theirs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.curate.pictures import glance
from drive.curate.weather import KINDS, features, weather_of
from drive.data.dataset import open_dataset
from drive.data.images import read_image


@pytest.mark.parametrize(("scene", "weather"), [("scene-5001", "clear"), ("scene-5006", "rain")])
def test_weather(embedded: Path, scene: str, weather: str) -> None:
    told = []
    for sample in list(open_dataset(embedded, split=scene, maps=False))[::4]:
        pictures = [read_image(view, 320, 180)[1] for view in sample.observation.frames[-1].cameras]
        told.append(weather_of([glance(np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), dtype=np.uint8)) for one in pictures]))
    assert told.count(weather) >= len(told) - 1 and set(told) <= set(KINDS)


def test_features_do_not_ask_for_the_order_of_cameras() -> None:
    rng = np.random.default_rng(0)
    seen = [glance(rng.integers(0, 255, (90, 160), dtype=np.uint8)) for _ in range(3)]
    assert np.array_equal(features(seen), features(seen[::-1])) and np.isfinite(features(seen)).all()
