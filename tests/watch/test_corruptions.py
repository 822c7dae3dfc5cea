"""Each kind changes what it says and nothing else, the same every time, more with its strength."""

from __future__ import annotations

import numpy as np
import pytest

from drive.schema import Observation
from drive.watch.corruptions import DIRT_SHARE, GAIN, KEPT_OUT, KINDS, LIGHT_LEFT, STALE_S, STRENGTHS, TOLD_MPS, corrupted
from tests.model.conftest import make_observation

PICTURES = ("black", "blurred", "dirty", "swapped", "glared")


def pictures(observation: Observation, frame: int = -1) -> list[np.ndarray]:
    return [view.image for view in observation.frames[frame].cameras]  # type: ignore[misc]


@pytest.fixture
def clean() -> Observation:
    return make_observation(3, cameras=2, frames=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_same_seed_gives_the_same_and_the_observation_itself_is_left(clean: Observation, kind: str, strength: int) -> None:
    before = [image.copy() for image in pictures(clean)]
    one, two = (corrupted(clean, kind, strength, seed=5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(pictures(one), pictures(two), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(pictures(clean), before, strict=True))
    assert one.token == clean.token and one.command == clean.command and one.past is clean.past
    assert all(image.dtype == np.uint8 for image in pictures(one))


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_keep_their_cameras_sizes_and_times(clean: Observation, kind: str) -> None:
    for strength in STRENGTHS:
        for before, after in zip(clean.frames, corrupted(clean, kind, strength).frames, strict=True):
            for a, b in zip(before.cameras, after.cameras, strict=True):
                assert b.camera is a.camera and b.time_s == a.time_s
                assert b.image.shape == (a.camera.height, a.camera.width, 3)  # type: ignore[union-attr]


def test_black_and_glare_scale_the_light(clean: Observation) -> None:
    own = pictures(clean)
    first, second = pictures(corrupted(clean, "black", 1))
    assert not first.any() and np.array_equal(second, own[1])
    np.testing.assert_allclose(pictures(corrupted(clean, "black", 2))[1], own[1] * LIGHT_LEFT[1], atol=0.51)
    assert not any(image.any() for image in pictures(corrupted(clean, "black", 3)))
    np.testing.assert_allclose(pictures(corrupted(clean, "glared", 2))[0], np.minimum(own[0] * GAIN[1], 255.0), atol=0.51)


def test_frozen_shows_what_was_held_or_the_frame_before(clean: Observation) -> None:
    old, now = pictures(clean, -2), pictures(clean)
    first, second = pictures(corrupted(clean, "frozen", 1))
    assert np.array_equal(first, old[0]) and np.array_equal(second, now[1])
    noisy = pictures(corrupted(clean, "frozen", 2))
    assert all(0 < np.abs(a.astype(int) - b).mean() < 4 for a, b in zip(noisy, old, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(pictures(corrupted(clean, "frozen", 3)), old, strict=True))
    held = {view.camera.name: np.full_like(view.image, 7) for view in clean.frames[-1].cameras}
    assert all((image == 7).all() for image in pictures(corrupted(clean, "frozen", 3, held=held)))
    with pytest.raises(ValueError, match="give two frames"):
        corrupted(make_observation(1, frames=1), "frozen", 3)


def test_blur_takes_detail_and_keeps_the_light(clean: Observation) -> None:
    spread = [float(pictures(corrupted(clean, "blurred", strength))[0].std()) for strength in STRENGTHS]
    assert spread == sorted(spread, reverse=True) and spread[0] < pictures(clean)[0].std()
    assert abs(pictures(corrupted(clean, "blurred", 3))[0].mean() - pictures(clean)[0].mean()) < 2


@pytest.mark.parametrize("strength", STRENGTHS)
def test_dirt_covers_its_share_and_stays_in_place(clean: Observation, strength: int) -> None:
    wrong = corrupted(clean, "dirty", strength, seed=9)
    changed = [np.abs(a.astype(int) - b).max(-1) > 0 for k in (-1, -2) for a, b in zip(pictures(wrong, k), pictures(clean, k), strict=True)]
    for share in map(np.mean, changed):
        assert DIRT_SHARE[strength - 1] - 0.06 < share < DIRT_SHARE[strength - 1] + 0.15
    assert (changed[0] == changed[2]).mean() > 0.97  # where both frames differ from the dirt's colour


def test_swapped_pictures_come_from_other_cameras(clean: Observation) -> None:
    a, b = pictures(clean)
    assert np.array_equal(pictures(corrupted(clean, "swapped", 1))[0], a)
    one = make_observation(2, cameras=1)
    assert np.array_equal(pictures(corrupted(one, "swapped", 1))[0], pictures(one)[0][::-1, ::-1])
    exchanged = pictures(corrupted(clean, "swapped", 2))
    assert exchanged[0].shape == a.shape and exchanged[1].shape == b.shape
    assert abs(exchanged[0].mean() - b.mean()) < 1 and abs(exchanged[1].mean() - a.mean()) < 1


def test_missing_stale_and_speed(clean: Observation) -> None:
    assert [len(frame.cameras) for frame in corrupted(clean, "missing", 1).frames] == [2, 1]
    assert [len(frame.cameras) for frame in corrupted(clean, "missing", 2).frames] == [1, 1]
    assert [len(frame.cameras) for frame in corrupted(clean, "missing", 3).frames] == [0, 0]
    for strength in STRENGTHS:
        late = corrupted(clean, "stale", strength)
        assert {view.time_s for view in late.frames[-1].cameras} == {-STALE_S[strength - 1]} and late.frames[-1].time_s == 0
        assert all(np.array_equal(x, y) for x, y in zip(pictures(late), pictures(clean, -2), strict=True))
        assert corrupted(clean, "speed", strength).speed_mps == pytest.approx(8.0 + TOLD_MPS[strength - 1])


@pytest.mark.parametrize(("kind", "strength"), [("fog", 1), ("", 1), ("black", 0), ("black", 4)])
def test_what_is_no_corruption_is_named(clean: Observation, kind: str, strength: int) -> None:
    with pytest.raises(ValueError, match="a corruption is one of"):
        corrupted(clean, kind, strength)


def test_the_kind_that_is_kept_out_is_one() -> None:
    assert KEPT_OUT in KINDS and len(KINDS) == 9
