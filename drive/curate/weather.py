"""The weather by day that a record's pictures show, told by their numbers: a softmax that `tools/fit_weather.py` fitted on rendered towns,
whose weather is known. On real pictures nobody has measured how often it is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from drive.curate.pictures import PictureFacts
from drive.frames import Array

KINDS = ("clear", "fog", "rain")
WEIGHTS = Path(__file__).with_name("weather.json")


def features(glances: Sequence[PictureFacts]) -> Array:
    """The middle over the cameras of each: light, contrast, sharpness; grey values and detail of the upper, middle and lower third; and
    the products of each two."""
    rows = []
    for one in glances:
        grey, detail = (values.reshape(3, 48) for values in (one.thumbnail(), one.details()))
        numbers = [
            one.mean / 64,
            one.std / 32,
            one.p99 / 64,
            np.log1p(one.sharp) / 4,
            *grey.mean(1) / 64,
            *grey.std(1) / 32,
            *detail.mean(1) / 64,
        ]
        rows.append(numbers)
    middle = np.median(np.array(rows), 0)
    pairs = np.outer(middle, middle)[np.triu_indices(len(middle))]
    return np.concatenate([[1.0], middle, pairs])


def weather_of(glances: Sequence[PictureFacts]) -> str:
    """One of KINDS, of one picture or more."""
    return KINDS[int(np.argmax(_weights() @ features(glances)))]


@cache
def _weights() -> Array:
    """[KINDS, features]."""
    return np.array(json.loads(WEIGHTS.read_text()), dtype=np.float64)
