"""What is measured of a record: known values of an embedded sample and of made ones, and that facts come back from JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.curate.facts import RecordFacts, facts_of
from drive.curate.labels import label_scores, surroundings
from drive.curate.rigs import calibration, turned_deg
from drive.data.dataset import open_dataset
from drive.frames import rotation_z, se3
from drive.schema import SceneSample


@pytest.fixture(scope="module")
def sample(embedded: Path) -> SceneSample:
    """A sample whose future is whole and whose car moves."""
    found = open_dataset(embedded, lanes=True, limit=14)
    return next(one for one in found if one.target.future.valid.all() and (one.observation.speed_mps or 0) > 3)


def test_facts_come_back_from_json(sample: SceneSample) -> None:
    facts = facts_of(sample, "mini")
    assert RecordFacts.from_json(json.loads(json.dumps(facts.to_json(), allow_nan=False))) == facts
    assert facts.source == "mini" and facts.command == sample.observation.command and len(facts.future) == 6
    assert list(facts.rig) == list(facts.glances) and facts.around


def test_scores_of_labels(sample: SceneSample) -> None:
    told = label_scores(sample)
    assert told["off_road_m"] == 0.0 and told["slip_m"] < 0.1 and told["jump_mps2"] < 10 and told["hits"] == 0
    aside = replace(sample.target.future, poses=sample.target.future.poses + [0.0, 25.0, 0.0])
    wrong = label_scores(replace(sample, target=replace(sample.target, future=aside)))
    assert wrong["off_road_m"] > 3.0 and wrong["jump_mps2"] > 50
    first = sample.target.future.poses.copy()
    first[0, :2] = 1.0, 1.5
    slipped = label_scores(replace(sample, target=replace(sample.target, future=replace(sample.target.future, poses=first))))
    assert slipped["slip_m"] == pytest.approx(1.5 - 3.25 / 8)


def test_a_future_through_others(sample: SceneSample) -> None:
    agents = sample.target.agents
    assert agents is not None
    steps = [int(np.argmin(np.abs(agents.times_s - t))) for t in sample.target.future.times_s]
    centres, valid = agents.centres.copy(), agents.valid.copy()
    centres[0, :, :2], valid[0] = 80.0, True
    centres[0, steps, :2] = sample.target.future.poses[:, :2]
    met = replace(sample, target=replace(sample.target, agents=replace(agents, centres=centres, valid=valid)))
    assert label_scores(met)["hits"] == 1.0


def test_nobody_around_is_calm_and_nothing_known_is_nothing(sample: SceneSample) -> None:
    assert surroundings(replace(sample, target=replace(sample.target, agents=None))) == ()
    agents = sample.target.agents
    assert agents is not None
    gone = replace(agents, valid=np.zeros_like(agents.valid))
    alone = replace(sample, target=replace(sample.target, agents=gone, lanes=None))
    assert surroundings(alone) == ("calm",)


def test_calibrations(sample: SceneSample) -> None:
    view = sample.observation.frames[-1].cameras[0]
    one = calibration(view)
    pose = view.camera.ego_from_camera if view.mount is None else view.mount
    turned = replace(view, mount=se3(rotation_z(np.radians(2.0)) @ pose[:3, :3], pose[:3, 3]))
    assert turned_deg(one, one) == 0.0 and turned_deg(one, calibration(turned)) == pytest.approx(2.0, abs=0.01)
    assert one[7:] == pytest.approx(pose[:3, 3], abs=1e-5) and one[0] == pytest.approx(view.camera.K[0, 0] / view.camera.width, abs=1e-5)
