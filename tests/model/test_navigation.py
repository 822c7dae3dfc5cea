"""The sensor for what a navigator says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from drive.model.config import Inputs
from drive.model.inputs import collate, prepare
from drive.model.network import DrivingNetwork
from drive.model.sensors.navigation import NavigationSensor
from drive.roads import Navigation
from drive.schema import Observation
from tests.model.conftest import TINY, make_observation, whole

CONFIG = replace(TINY, inputs=Inputs(others=("navigation",)))
SAID = [
    None,
    Navigation("left", 40.0),
    Navigation("left", 39.0),
    Navigation("right", 40.0),
    Navigation("roundabout", 40.0, 2),
    Navigation("roundabout", 40.0, 3),
    Navigation("roundabout", 40.0, 9),  # more exits than any roundabout has: the last that is told apart
    Navigation("left", 40.0, None, Navigation("right", 70.0)),
    Navigation("left", 40.0, None, Navigation("straight", 70.0)),
    Navigation("left", 40.0, None, Navigation("roundabout", 70.0, 1)),
]


@pytest.fixture(scope="module")
def sensor() -> NavigationSensor:
    torch.manual_seed(0)
    return NavigationSensor(CONFIG)


def saying(said: Navigation | None) -> Observation:
    return replace(make_observation(), navigation=said)


def part(*said: Navigation | None):  # type: ignore[no-untyped-def]
    return NavigationSensor.collate([NavigationSensor.prepare(saying(one), CONFIG) for one in said])


def test_two_tokens_that_are_there_where_something_is_said(sensor: NavigationSensor) -> None:
    tokens, there, _ = sensor(part(*SAID))
    assert tokens.shape == (len(SAID), 2, TINY.transformer.width) and tokens.isfinite().all()
    assert there.tolist() == [[one is not None, one is not None and one.then is not None] for one in SAID]
    assert sensor.labels(NavigationSensor.prepare(saying(None), CONFIG), "navigation") == [["navigation", "navigation: then"]]


def test_everything_that_is_said_makes_a_difference(sensor: NavigationSensor) -> None:
    tokens, there, _ = sensor(part(*SAID))
    told = [(tokens[k] * there[k][:, None]).flatten() for k in range(len(SAID))]
    for a in range(len(SAID)):
        for b in range(a):
            assert (told[a] - told[b]).abs().max() > 1e-3, (SAID[a], SAID[b])


def test_a_batch_of_one_equals_a_batch_of_many(sensor: NavigationSensor) -> None:
    together = sensor(part(*SAID))[0]
    for k, one in enumerate(SAID):
        torch.testing.assert_close(sensor(part(one))[0][0], together[k], atol=1e-6, rtol=0)


def test_a_network_hears_it() -> None:
    torch.manual_seed(0)
    network = DrivingNetwork(CONFIG).eval()
    assert "navigation" in network.sensors and "navigation" not in DrivingNetwork(TINY).sensors
    generator = torch.Generator().manual_seed(7)
    span = torch.randint(0, CONFIG.vocabulary.size, (1, 1, 5), generator=generator)
    with torch.inference_mode():
        heard = [whole(network, collate([prepare(saying(one), CONFIG)]), span) for one in (SAID[1], SAID[3], None)]
    assert (heard[0] - heard[1]).abs().max() > 1e-4 and (heard[0] - heard[2]).abs().max() > 1e-4
