"""Passes that weigh: clusters of near duplicates, situations."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from drive.curate.passes.duplicates import Duplicates
from drive.curate.passes.situations import Situations
from drive.curate.pictures import glance
from tests.curate.made import CAMERAS, drive, picture


def test_near_duplicates_weigh_together_as_the_root_of_their_number() -> None:
    records = drive(12)
    rng = np.random.default_rng(0)
    for k in (2, 5, 8, 11):  # one moment four times, each with noise of its own
        noisy = {name: np.clip(picture(n) + rng.integers(-2, 3, (180, 320)), 0, 255) for n, name in enumerate(CAMERAS)}
        records[k] = replace(records[k], glances={name: glance(grey.astype(np.uint8)) for name, grey in noisy.items()})
    found = Duplicates().judge(records)
    assert [round(one.weight, 3) for one in found] == [0.5 if k in (2, 5, 8, 11) else 1.0 for k in range(12)]
    assert sum(found[k].weight for k in (2, 5, 8, 11)) == pytest.approx(4**0.5)


def test_thousands_that_look_exactly_the_same_take_no_time() -> None:
    one = drive(1)[0]
    records = [replace(one, id=str(i)) for i in range(20_000)]
    begun = time.process_time()
    assert {judged.scores["cluster"] for judged in Duplicates().judge(records)} == {20_000.0}
    assert time.process_time() - begun < 20


def test_one_other_camera_is_another_moment() -> None:
    records = drive(2)
    records[1] = replace(records[1], glances={**records[0].glances, "CAM_BACK": glance(picture(77))})
    assert [one.weight for one in Duplicates().judge(records)] == [1.0, 1.0]


def test_every_pair_of_near_hashes_is_found() -> None:
    """The bands miss none: compared with all pairs."""
    rng = np.random.default_rng(3)
    base = drive(1)[0]
    hashes = [int(rng.integers(0, 2**63)) for _ in range(20)]
    for h in list(hashes):
        for bits in range(1, 7):
            hashes.append(h ^ sum(1 << int(b) for b in rng.choice(64, bits, replace=False)))
    records = [replace(base, id=str(i), glances={"CAM": replace(base.glances["CAM_FRONT"], hash=h)}) for i, h in enumerate(hashes)]
    for most in (0, 3, 7):
        near = np.array([[(a ^ b).bit_count() <= most for a in hashes] for b in hashes])
        reach = near
        for _ in range(6):
            reach = (reach.astype(int) @ reach.astype(int)) > 0
        sizes = [one.scores["cluster"] for one in Duplicates(most_bits=most).judge(records)]
        assert sizes == reach.sum(1).tolist()
    with pytest.raises(ValueError, match="most_bits must be 0 to 7"):
        Duplicates(most_bits=8)


def test_rare_situations_weigh_more() -> None:
    records = [*drive(90), *[replace(record, decision="slower left") for record in drive(10, scene="b")]]
    records.append(replace(records[0], decision=""))
    found = Situations(least=0.0, most=100.0).judge(records)
    assert found[90].weight / found[0].weight == pytest.approx(3.0)
    assert sum(one.weight for one in found[:100]) == pytest.approx(100.0) and found[100].weight == 1.0
    assert max(one.weight for one in Situations(most=1.5).judge(records)) == 1.5
