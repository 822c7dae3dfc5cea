"""The shipped judgement in rendered towns that it was not fitted to: silent on clean pictures, awake on each kind, also the one that it was
never shown; and it has an answer to whatever comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.data.dataset import open_dataset
from drive.schema import CameraImage, Observation, Window
from drive.watch.corruptions import KEPT_OUT, KINDS, corrupted
from drive.watch.judge import CLEAN, UNLIKE, WEIGHTS, Judge, load_weights
from drive.watch.looks import HEIGHT, NAMES, WIDTH, correlation, features, seen
from tests.model.conftest import make_observation

CAMERAS = ("CAM_FRONT", "CAM_FRONT_FAR")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load_weights(), CAMERAS)


def moving(moments: list[Observation]) -> list[Observation]:
    return [one for one in moments if (one.speed_mps or 0.0) > 2.0]


def test_clean_pictures_raise_no_alarm(judge: Judge, moments: list[Observation]) -> None:
    told = [judge(one) for one in moments]
    assert len(told) >= 10
    assert [one.reasons for one in told if one.probability >= judge.weights.threshold] == []
    assert all(one.reasons == () and one.fallback == "none" for one in told)


def test_single_frames_raise_no_alarm(judge: Judge, moments: list[Observation]) -> None:
    assert [judge(replace(one, frames=one.frames[-1:])).reasons for one in moments] == [()] * len(moments)


@pytest.mark.parametrize(("kind", "strength"), [(kind, strength) for kind in KINDS for strength in (2, 3)])
def test_each_kind_is_noticed(judge: Judge, moments: list[Observation], kind: str, strength: int) -> None:
    told = [judge(corrupted(one, kind, strength, seed=k)) for k, one in enumerate(moving(moments)[::2])]
    assert len(told) >= 4 and np.mean([one.probability >= judge.weights.threshold and bool(one.reasons) for one in told]) >= 0.75


def test_cameras_that_it_was_not_fitted_to_are_left_to_the_checks(embedded: Path, judge: Judge) -> None:
    """The embedded data set's cameras have other lenses, one of them under a name that is known."""
    found = [sample.observation for sample in open_dataset(embedded, window=Window(frames=2), maps=False, limit=4)]
    assert [Judge(judge.weights)(one).probability for one in found] == [0.0] * 4
    assert Judge(judge.weights)(corrupted(found[1], "black", 3)).probability == 1.0


@pytest.mark.parametrize(("kind", "word"), [("frozen", "frozen"), ("missing", "missing"), ("stale", "times"), ("speed", "speed")])
def test_what_is_checked_is_certain_and_named(judge: Judge, moments: list[Observation], kind: str, word: str) -> None:
    told = judge(corrupted(moving(moments)[3], kind, 3))
    assert told.probability == 1.0 and any(reason.startswith(word) for reason in told.reasons)


def test_the_kind_kept_out_is_no_class_of_it() -> None:
    weights = load_weights()
    assert weights.classes[0] == CLEAN and KEPT_OUT not in weights.classes and len(weights.classes) == 6
    assert KEPT_OUT not in json.loads(WEIGHTS.read_text())["fitted_to"]["pictures"] and UNLIKE not in weights.classes


def test_the_answer_follows_from_the_observation_alone(judge: Judge, moments: list[Observation]) -> None:
    one, other = moments[0], corrupted(moments[1], "dirty", 3)
    assert judge(one) == judge(one) and judge(other) == judge(other)
    shuffled = replace(one, frames=tuple(replace(frame, cameras=frame.cameras[::-1]) for frame in one.frames))
    assert judge(shuffled).probability == pytest.approx(judge(one).probability)


def test_a_picture_that_is_not_on_disk_is_a_reason(judge: Judge, moments: list[Observation]) -> None:
    one = moments[0]
    last = one.frames[-1]
    views = (replace(last.cameras[0], image=Path("gone.jpg")), *last.cameras[1:])
    told = judge(replace(one, frames=(one.frames[0], replace(last, cameras=views))))
    assert told.probability == 1.0 and any("gone.jpg" in reason for reason in told.reasons)


def shown(one: Observation, picture: Callable[[CameraImage], np.ndarray]) -> Observation:
    frames = [replace(f, cameras=tuple(replace(v, image=picture(v)) for v in f.cameras)) for f in one.frames]
    return replace(one, frames=tuple(frames))


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_even_pictures_of_any_shade_and_camera_are_degraded(judge: Judge, shade: int) -> None:
    even = shown(make_observation(1, cameras=2, frames=2), lambda view: np.full_like(view.image, shade))
    told = Judge(judge.weights)(even)
    assert told.probability == 1.0 and told.reasons[0].startswith("black: CAM_0" if shade == 0 else "blank: CAM_0")


def test_noise_in_place_of_pictures_is_degraded(judge: Judge, moments: list[Observation]) -> None:
    rng = np.random.default_rng(0)
    noise = shown(moments[0], lambda view: rng.integers(0, 256, view.image.shape, dtype=np.uint8))  # type: ignore[union-attr]
    assert judge(noise).probability >= judge.weights.threshold


def test_observations_of_nothing_get_an_answer(judge: Judge) -> None:
    bare = replace(make_observation(1), frames=(), speed_mps=None)
    assert Judge(judge.weights)(bare).probability == 1.0
    assert Judge(judge.weights, pictures=False)(bare).probability == 0.0
    assert Judge(judge.weights, pictures=False)(replace(bare, speed_mps=1e9)).probability == 1.0


def test_features_are_finite_and_say_what_is_unknown(moments: list[Observation]) -> None:
    now = [seen(view) for view in moments[0].frames[-1].cameras]
    before = [seen(view) for view in moments[0].frames[0].cameras]
    whole, alone = features(now, before, 3.0), features(now[:1], (), None)
    assert whole.shape == (2, len(NAMES)) and np.isfinite(whole).all() and now[0].grey.shape == (HEIGHT, WIDTH)
    has = [NAMES.index("has_change"), NAMES.index("has_neighbour")]
    assert (whole[:, has[0]] == 1).all() and (alone[:, has] == 0).all()
    assert (features(now, before, 0.1)[:, has[0]] == 0).all()  # it stands: pictures may too
    assert features(now, now, 3.0)[0, NAMES.index("likeness")] == pytest.approx(1.0)


def test_exchanged_pictures_agree_less_with_each_other(moments: list[Observation]) -> None:
    at = [NAMES.index(name) for name in ("has_neighbour", "agreement", "agreement_gain")]
    for one in moments[::3]:
        variants = (one, *(corrupted(one, "swapped", strength) for strength in (1, 2)))
        rows = [features([seen(view) for view in v.frames[-1].cameras], (), None)[:, at] for v in variants]
        assert all((row[:, 0] == 1).all() for row in rows)
        assert rows[0][:, 1].min() > max(rows[1][:, 1].min(), rows[2][:, 1].min()) + 0.05
        assert rows[0][:, 2].min() > 0 and rows[1][0, 2] == pytest.approx(0.0, abs=0.05) and rows[2][:, 2].max() < 0


def test_correlation_has_known_answers() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert correlation(a, 2 * a + 1) == pytest.approx(1.0) and correlation(a, -a) == pytest.approx(-1.0)
    assert correlation(a, np.ones(4)) == 0.0 and correlation(a, np.array([1.0, -1.0, -1.0, 1.0])) == pytest.approx(0.0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": {}}', '{"weights": {"mean": "x"}}'])
def test_weights_that_are_none_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(ValueError):
        load_weights(tmp_path / "w.json")


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    told = json.loads(WEIGHTS.read_text())
    for name, value in (("threshold", 1.5), ("mean", [0.0]), ("names", ["light"]), ("classes", ["black", "clean"])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"weights": told["weights"] | {name: value}}))
        with pytest.raises(ValueError, match="weights|threshold"):
            load_weights(tmp_path / f"{name}.json")
