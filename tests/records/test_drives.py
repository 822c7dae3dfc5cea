"""Which scenes are one drive, and how drives are split."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive.records.drives import EARLIEST_CLOCK_US, Moment, assigned, drives_of


def moments(source: int, scene: str, times: list[int], speed: float = 1.0, turned: bool = False, token: str = "") -> list[Moment]:
    """Samples of a scene, at times after EARLIEST_CLOCK_US, 0: no clock; the car goes `speed` metres between two."""
    found = []
    for k, time in enumerate(time and EARLIEST_CLOCK_US + time for time in times):
        x = k * speed
        found.append(Moment(source, k, scene, f"{token or f'{source}{scene}'}:{k}", time, (0.0, -x) if turned else (100.0 + x, 7.0)))
    return found


def test_scenes_of_one_name_or_one_that_ends_with_it_are_one_drive() -> None:
    rows = [*moments(0, "scene-0061", [5, 6]), *moments(1, "sd_nuscenes_v1.0-mini_scene-0061", [0, 0]), *moments(1, "scene-0103", [0, 0])]
    assert drives_of(rows) == {
        (0, "scene-0061"): "scene-0061",
        (1, "sd_nuscenes_v1.0-mini_scene-0061"): "scene-0061",
        (1, "scene-0103"): "scene-0103",
    }


def test_short_endings_join_nothing() -> None:
    assert len(set(drives_of([*moments(0, "log_01", [0]), *moments(1, "01", [0]), *moments(1, "other_01", [0])]).values())) == 3


def test_equal_times_and_an_equal_way_are_one_drive_in_any_frame() -> None:
    first = moments(0, "a", [10, 20, 30], 2.0)
    assert len(set(drives_of([*first, *moments(1, "b", [10, 20, 30], 2.0, turned=True)]).values())) == 1
    assert len(set(drives_of([*first, *moments(1, "b", [10, 20, 30], 5.0)]).values())) == 2  # another way
    assert len(set(drives_of([*first, *moments(1, "b", [11, 21, 31], 2.0)]).values())) == 2  # other times
    assert len(set(drives_of([*moments(0, "a", [10, 20], 0.0), *moments(1, "b", [10, 20], 0.0)]).values())) == 2  # both stand
    assert len(set(drives_of([*moments(0, "a", [0, 0]), *moments(1, "b", [0, 0])]).values())) == 2  # no clock


def test_times_from_a_record_s_own_start_join_nothing() -> None:
    rows = [Moment(0, k, scene, f"{scene}{k}", 100_000 * k, (float(k), 0.0)) for scene in ("drive-a", "drive-b") for k in range(50)]
    assert len(set(drives_of(rows).values())) == 2


def test_what_is_one_through_a_third_is_one() -> None:
    rows = [*moments(0, "scene-0061", [1]), *moments(1, "x", [2], token="t"), *moments(2, "v_scene-0061", [3], token="t")]
    assert set(drives_of(rows).values()) == {"scene-0061"}


@given(st.lists(st.integers(1, 50), min_size=3, max_size=40), st.integers(0, 5))
def test_shares_are_kept_and_no_split_is_empty(sizes: list[int], seed: int) -> None:
    counts = {f"d{i}": size for i, size in enumerate(sizes)}
    found = assigned(counts, {"train": 0.8, "val": 0.1, "test": 0.1}, seed)
    assert set(found) == set(counts) and set(found.values()) == {"train", "val", "test"}
    held = Counter({split: sum(counts[d] for d, s in found.items() if s == split) for split in set(found.values())})
    assert held["train"] <= 0.8 * sum(sizes) + max(sizes)
    assert found == assigned(dict(reversed(counts.items())), {"train": 0.8, "val": 0.1, "test": 0.1}, seed)


def test_too_few_drives_are_refused() -> None:
    with pytest.raises(ValueError, match="1 drives do not make 2 splits"):
        assigned({"a": 9}, {"train": 0.9, "val": 0.1}, 0)
