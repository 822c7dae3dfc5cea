"""The same moment again, and near duplicates by clusters of embeddings."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np

from drive.curate.facts import RecordFacts
from drive.curate.neighbours import clusters
from drive.curate.passes.alike import Alike, k_means
from drive.curate.passes.copies import Copies
from drive.curate.passes.duplicates import Duplicates
from drive.curate.pictures import glance
from tests.curate.made import CAMERAS, drive, dropped, picture

FUTURE = tuple((0.5 * k, 4.0 * k, 0.1 * k) for k in range(1, 7))


def _moments(count: int = 30) -> list[RecordFacts]:
    return [replace(r, future=tuple((t, x + k, y) for t, x, y in FUTURE)) for k, r in enumerate(drive(count))]


def _again(record: RecordFacts, k: int, name: str, noise: float = 4.0) -> RecordFacts:
    """The same moment, compressed, brighter and with noise."""
    rng = np.random.default_rng(k)
    seen = {}
    for number, camera in enumerate(CAMERAS):
        noisy = np.clip(1.1 * picture(100 * k + number + 7) + rng.normal(4, noise, (180, 320)), 0, 255).astype(np.uint8)
        seen[camera] = glance(cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60 if noise > 1 else 95])[1], 0))  # type: ignore[arg-type]
    return replace(record, id=name, glances=seen)


def test_a_moment_that_comes_again_is_kept_once() -> None:
    records = _moments()
    assert dropped(Copies(), records) == {}
    records += [replace(_again(records[k], k, f"again{k}"), scene="other") for k in (3, 11, 11)]
    found = dropped(Copies(), records)
    groups = [{3, 30}, {11, 31, 32}]
    assert len(found) == 3 and all(len(group - set(found)) == 1 for group in groups)
    assert {place: one.scores["copies"] for place, one in found.items()} == {p: float(len(g)) for g in groups for p in g if p in found}


def test_other_labels_are_another_moment() -> None:
    records = _moments()
    again = _again(records[3], 3, "again")
    assert dropped(Copies(), [*records, replace(again, speed_mps=8.5)]) == {}
    assert dropped(Copies(), [*records, replace(again, future=FUTURE[:4])]) == {}


def test_a_drive_that_stands_has_moments_of_its_own() -> None:
    still = [replace(r, glances=drive(1)[0].glances, xy=(0.0, 0.0), speed_mps=0.0, future=FUTURE[:2]) for r in drive(5)]
    assert dropped(Copies(), still) == {}
    assert set(dropped(Copies(), [*still, replace(still[1], id="again", scene="other")])) == {5}
    states = [replace(r, timestamp_us=0) for r in still]
    assert len(dropped(Copies(), states)) == 4
    lit = [replace(states[0], around=("light_red",)), replace(states[1], around=("light_green",))]
    assert dropped(Copies(), lit) == {}


def test_thousands_of_copies_are_joined_by_bounded_work() -> None:
    rng = np.random.default_rng(0)
    cloud = np.concatenate([rng.normal(0, 0.01, (5000, 8)), 10 + rng.normal(0, 0.01, (5000, 8)), rng.uniform(50, 90, (2000, 8))])
    begun = time.process_time()
    labels = clusters(cloud, 1.0)
    assert time.process_time() - begun < 20
    assert not set(labels[:5000]) & set(labels[5000:]) and len(set(labels[10_000:])) == 2000
    assert len(set(labels[:10_000])) <= 20
    same = clusters(np.repeat([[1.0, 2.0], [5.0, 5.0]], 5000, axis=0), 0.1)
    assert len(set(same)) == 2 and len(clusters(np.zeros((0, 3)), 1.0)) == 0


def test_near_duplicates_with_a_band_in_common_cost_no_more_than_pieces() -> None:
    base = drive(1)[0]
    rng = np.random.default_rng(5)
    seen = {"CAM": base.glances["CAM_FRONT"]}
    records = [
        replace(base, id=str(i), glances={"CAM": replace(seen["CAM"], hash=int(rng.integers(0, 2**56)), sharp=float(i))})
        for i in range(20_000)
    ]
    begun = time.process_time()
    found = Duplicates().judge(records)
    assert time.process_time() - begun < 60 and max(one.scores["cluster"] for one in found) <= 3


def test_of_what_is_nearly_the_same_the_hardest_stays() -> None:
    records = _moments(40)
    near = [replace(_again(records[7], 7, f"near{n}", 0.5), future=((0.5, 4.0, 0.0),)) for n in range(4)]
    found = dropped(Alike(bound=0.95), [*records, *near])
    group = {7, 40, 41, 42, 43}
    assert len(found) == 4 and set(found) < group
    other = [replace(one, decision="stop straight") for one in near]
    rare = dropped(Alike(bound=0.95), [*records, *other])
    assert len(rare) == 3 and set(rare) < {40, 41, 42, 43}  # the same look, another answer: one of each stays


def test_k_means_finds_what_lies_apart() -> None:
    rng = np.random.default_rng(1)
    corners = np.eye(4)
    vectors = np.repeat(corners, 50, axis=0) + rng.normal(0, 0.02, (200, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centres, labels = k_means(vectors, 4)
    assert [len(set(labels[k : k + 50])) for k in (0, 50, 100, 150)] == [1, 1, 1, 1] and len(set(labels)) == 4
    assert np.allclose(np.sort(centres @ corners.T, axis=1)[:, -1], 1.0, atol=0.01)
