"""WOD-E2E shards: known answers on files by other writers, scores by known trust regions, damage."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drive import open_dataset
from drive.cli import main
from drive.data.check import check_dataset
from drive.data.images import read_image
from drive.data.layouts import layout_of
from drive.data.records.values import decode, encode
from drive.data.wod_e2e.shards import missing_shards
from drive.schema import Target, Window
from tests.data.made.waymo import MESSAGES, frame, transform, write_records, write_segment
from tests.data.made.wod_e2e import (
    ACCELERATION,
    CURVE,
    FIRST,
    FRAMES,
    RATED,
    SCORES,
    SPEED,
    STRAIGHT,
    YAWS,
    e2e_frame,
    place,
    states,
    write_e2e,
)  # fmt: skip

FOUR_HZ = Window(past_s=4.0, future_s=5.0, rate_hz=4.0)
RATED_TOKEN = f"{CURVE}-{RATED:03d}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_e2e(tmp_path_factory.mktemp("e2e"))


def test_shuffled_frames_are_put_in_order(made: Path) -> None:
    dataset = open_dataset(made)
    assert dataset.scenes == (STRAIGHT, CURVE)
    assert dataset.tokens == tuple(f"{segment}-{FIRST + k:03d}" for segment in (STRAIGHT, CURVE) for k in range(FRAMES))
    assert len(open_dataset(made, split="val")) == 2 * FRAMES and open_dataset(made, split=CURVE).scenes == (CURVE,)
    last = dataset[FRAMES - 1]
    assert (last.index, last.frames_after, last.timestamp_us) == (FRAMES - 1, 0, 0)
    with pytest.raises(ValueError, match="no scene train"):
        open_dataset(made, split="train")


@pytest.mark.parametrize("rate", [4.0, 2.0, 10.0])
def test_a_sample_tells_the_drive_that_was_written(made: Path, rate: float) -> None:
    window = Window(past_s=3.0, future_s=5.0, rate_hz=rate)
    sample = open_dataset(made, window=window).sample(RATED_TOKEN)
    for told, times in ((sample.observation.past, window.past_times_s), (sample.target.future, window.future_times_s)):
        assert told.valid.all()
        expected = np.array([place(CURVE, t) for t in times])
        tolerance = 1e-4 if rate <= 4 else 0.02  # on the chord between two states
        np.testing.assert_allclose(told.poses[:, :2], expected[:, :2], atol=tolerance)
        np.testing.assert_allclose(told.poses[:, 2], expected[:, 2], atol=0.02)


def test_states_outside_the_record_are_not_valid(made: Path, tmp_path: Path) -> None:
    past = open_dataset(made, window=FOUR_HZ)[0].observation.past
    assert past.valid.tolist() == [False] + [True] * 16  # the schema's 4 s are (-4, 0]
    blind = open_dataset(write_e2e(tmp_path, "test", future=False))[0]
    assert not blind.target.future.valid.any() and blind.observation.past.valid.any()


def test_speed_and_command_are_those_told(made: Path) -> None:
    dataset = open_dataset(made)
    ahead, left = dataset[0].observation, dataset[FRAMES].observation
    assert (ahead.command, left.command) == ("straight", "left")
    assert (ahead.speed_mps, ahead.yaw_rate_radps) == (SPEED, None) and ahead.acceleration_mps2 == ACCELERATION
    assert open_dataset(made, command=False)[0].observation.command is None


def test_eight_cameras_look_where_they_were_mounted(made: Path) -> None:
    frames = open_dataset(made, window=Window(frames=3))[2].observation.frames
    assert [round(one.time_s, 6) for one in frames] == [-0.2, -0.1, 0.0]
    for one in frames:
        assert len(one.cameras) == 8
        for view, (name, yaw) in zip(one.cameras, YAWS.items(), strict=True):
            pose = view.camera.ego_from_camera
            way = np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw)), 0.0])
            np.testing.assert_allclose(pose[:3, 2], way, atol=1e-9)
            np.testing.assert_allclose(pose[:3, 3], [1.5, 0.0, 2.1] + 0.4 * way, atol=1e-9)
            assert abs(int(read_image(view)[1][0, 0, 0]) - 20 * name) < 3  # each its own picture


def test_ratings_are_of_the_frame_that_was_rated(made: Path) -> None:
    dataset = open_dataset(made)
    assert [s.token for s in dataset if s.target.ratings is not None] == [RATED_TOKEN]
    ratings = dataset.sample(RATED_TOKEN).target.ratings
    assert ratings is not None and tuple(ratings.scores) == SCORES and [len(path) for path in ratings.paths] == [20, 20, 17]
    np.testing.assert_allclose(ratings.paths[1], [[SPEED * t, 0.0] for t in ratings.times_s], atol=1e-5)
    back = decode(Target, json.loads(json.dumps(encode(Target, dataset.sample(RATED_TOKEN).target)))).ratings
    np.testing.assert_array_equal(np.concatenate(back.paths), np.concatenate(ratings.paths))
    assert back.scores.tolist() == ratings.scores.tolist()


def _values(out: Path) -> dict[tuple[str, str], float]:
    return {(row["planner"], row["metric"]): row["value"] for row in json.loads((out / "report.json").read_text())["rows"]}


def test_eval_scores_by_raters_and_records(made: Path, tmp_path: Path) -> None:
    words = ["eval", str(made), "--protocol", "wod-e2e", "--planner", "constant-velocity", "--out", str(tmp_path), "-q"]
    assert main(words) == 0
    found = _values(tmp_path)
    assert found["log", "rfs"] == pytest.approx(SCORES[0]) and found["log", "ade_5s"] == 0
    assert found["constant-velocity", "rfs"] == pytest.approx(SCORES[1], abs=1e-3)  # the second rater went straight on
    x, y, _ = place(CURVE, -0.25)  # it goes on with the last displacement, four times a second
    off = [np.hypot(-4 * x * t - place(CURVE, t)[0], -4 * y * t - place(CURVE, t)[1]) for t in 0.25 * np.arange(1, 21)]
    assert found["constant-velocity", "ade_5s"] == pytest.approx(np.mean(off) / 2, abs=1e-3)  # half of the frames go straight on


def test_the_mean_over_clusters_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_records(tmp_path / SHARD, [e2e_frame(STRAIGHT, 1, rated=True), e2e_frame(CURVE, 1, rated=True), e2e_frame(CURVE, 2, rated=True)])
    told = tmp_path / "val_sequence_name_to_scenario_cluster.json"
    told.write_text(json.dumps({STRAIGHT: "Cut-ins", CURVE: "Cyclist", "other": "Others"}))
    assert main(["eval", str(tmp_path), "--protocol", "wod-e2e", "--planner", "stand-still", "-q"]) == 0
    # The straight segment's record is the second rater's path, the curve's the first one's.
    mean = (SCORES[1] + SCORES[0]) / 2
    assert f"log: rfs averaged over 2 clusters {mean:.4f}: Cut-ins 5.00 (1), Cyclist 9.00 (2)" in capsys.readouterr().out
    told.write_text("[1]")
    assert main(["eval", str(tmp_path), "--protocol", "wod-e2e", "-q"]) == 2
    assert "expected an object of segments" in capsys.readouterr().err


def test_others_plans_at_4_hz_are_scored(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = (0.25 * np.arange(1, 21)).tolist()
    path = [list(place(CURVE, t)) for t in times]
    plans = {"meta": {"planner": "mine", "frame": "ego", "times_s": times}, "results": {RATED_TOKEN: {"trajectory": path}}}
    (tmp_path / "p.json").write_text(json.dumps(plans))
    words = ["eval", str(made), "--protocol", "wod-e2e", "--split", CURVE, "--plans", str(tmp_path / "p.json"), "--out", str(tmp_path)]
    assert main([*words, "-q"]) == 1  # five frames have no plan, which scores 0; one has
    assert _values(tmp_path)["mine", "rfs"] == pytest.approx(SCORES[0], abs=1e-3)
    assert "no plan for this sample" in capsys.readouterr().out
    assert main(["eval", str(made), "--protocol", "wod-e2e,exact", "-q"]) == 2
    assert "score them one by one" in capsys.readouterr().err


def test_all_verbs_take_it(made: Path, tmp_path: Path) -> None:
    assert main(["plan", str(made), "--planner", "constant-velocity", "--out", str(tmp_path / "p.json"), "-q"]) == 0
    view = ["--planner", "constant-velocity", "--video", "gif", "--out", str(tmp_path / "v")]
    assert main(["view", str(made), "--limit", "2", *view, "-q"]) == 0
    assert "2 key frames 2 a second, since they tell no times" in (tmp_path / "v" / "index.html").read_text()
    shares = ["--splits", "train:1,val:1"]
    assert main(["pack", str(made), str(tmp_path / "r"), *shares, "-q"]) == 0
    packed, plain = open_dataset(tmp_path / "r"), open_dataset(made)
    assert sorted(packed.tokens) == sorted(plain.tokens)
    one, other = packed.sample(RATED_TOKEN), plain.sample(RATED_TOKEN)
    np.testing.assert_array_equal(one.target.future.poses, other.target.future.poses)
    assert one.target.ratings is not None and one.observation.command == "left" and len(one.observation.frames[-1].cameras) == 8


def test_check_says_what_it_is(made: Path, tmp_path: Path) -> None:
    report = check_dataset(made)
    assert not report.errors and not report.warnings
    assert report.counts == {"segments": 2, "frames": 12, "pictures": 96, "frames with a recorded future": 12, "rated frames": 1}
    blind = check_dataset(write_e2e(tmp_path, "test", future=False))
    assert [w.kind for w in blind.warnings] == ["no recorded future, or a short one"] * 2


def test_perception_and_e2e_are_told_apart(made: Path, tmp_path: Path) -> None:
    write_segment(tmp_path / "p" / "segment-a.tfrecord")
    write_records(tmp_path / "e" / "val.tfrecord", [e2e_frame(STRAIGHT, 1)])
    titles = [layout.title if (layout := layout_of(root)) else "" for root in (made, tmp_path / "p", tmp_path / "e")]
    assert titles == ["Waymo WOD-E2E", "Waymo perception", "Waymo WOD-E2E"]


STATES = MESSAGES["EgoTrajectoryStates"]
SHARD = "val.tfrecord-00000-of-00001"


def _with(**change: object) -> object:
    made = e2e_frame(STRAIGHT, 7)
    for name, value in change.items():
        made.ClearField(name)
        if isinstance(value, int):
            setattr(made, name, value)
        elif isinstance(value, list):
            getattr(made, name).extend(value)
        else:
            getattr(made, name).CopyFrom(value)
    return made


def _flipped(at: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = bytearray(write_records(path, [e2e_frame(STRAIGHT, 7)]).read_bytes())
        data[at] ^= 1
        path.write_bytes(bytes(data))

    return change


def _written(*messages: object) -> Callable[[Path], None]:
    return lambda path: write_records(path, list(messages)) and None


def _unnamed() -> object:
    made = e2e_frame(STRAIGHT, 7)
    made.frame.context.name = "no number"
    return made


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_flipped(0), "record 0: the checksum of its length"),
        (_flipped(3000), "is damaged: its checksum is wrong"),
        (_written(e2e_frame(STRAIGHT, 7), e2e_frame(STRAIGHT, 7)), "and again in"),
        (_written(_unnamed()), "its name is 'no number', expected SEGMENT-NUMBER"),
        (_written(e2e_frame(STRAIGHT, 7), frame(0)), "record 1: no frame of WOD-E2E"),
        (_written(_with(intent=9)), "intent 9 is none of"),
        (_written(_with(past_states=states(STRAIGHT, range(-15, 0)))), "do not end at t0"),
        (_written(_with(past_states=STATES(pos_x=[0.0], pos_y=[0.0, 0.0]))), "1 values of field 1 and 2 of field 2"),
        (_written(_with(future_states=STATES(pos_x=[np.nan], pos_y=[0.0]))), "not finite"),
        (_written(_with(future_states=states(STRAIGHT, range(1, 3), vel_x=[1.0], vel_y=[1.0]))), "2 positions, 1 velocities"),
        (_written(_with(preference_trajectories=[states(STRAIGHT, range(1, 21), preference_score=11.0)])), "above 10"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(tmp_path / SHARD)
    report = check_dataset(tmp_path)
    assert report.errors and message in str(report)
    with pytest.raises(ValueError, match="."):
        open_dataset(tmp_path)[0]


def test_what_frames_lack_is_a_warning(tmp_path: Path) -> None:
    made = e2e_frame(STRAIGHT, 9)
    made.frame.images.pop()
    made.intent = 0
    write_records(tmp_path / SHARD, [e2e_frame(STRAIGHT, 7), made])
    kinds = {w.kind for w in check_dataset(tmp_path).warnings}
    assert kinds == {"gap between frames", "command unknown", "fewer cameras than eight"}
    assert open_dataset(tmp_path)[1].observation.command is None


def test_a_camera_that_stands_wrong_is_an_error(tmp_path: Path) -> None:
    made = e2e_frame(STRAIGHT, 7)
    made.frame.context.camera_calibrations[0].extrinsic.CopyFrom(transform(np.array([1500.0, 0.0, 2100.0]), np.eye(3)))
    write_records(tmp_path / SHARD, [made])
    assert {error.kind for error in check_dataset(tmp_path).errors} == {"length unit"}


@pytest.mark.parametrize("shard", [0, 1])
def test_an_empty_shard_is_named(tmp_path: Path, shard: int) -> None:
    name = f"tfrecord-{shard:05d}-of-00002"
    next(write_e2e(tmp_path).glob(f"*.{name}")).write_bytes(b"")
    assert f"{name}: is empty, 0 bytes, expected records" in str(check_dataset(tmp_path).errors[0])
    with pytest.raises(ValueError, match=f"{name}: is empty"):
        open_dataset(tmp_path)
    for path in tmp_path.glob("*"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="is empty, 0 bytes"):
        open_dataset(tmp_path)


def test_a_link_that_leads_nowhere_is_an_unreadable_shard(tmp_path: Path) -> None:
    (tmp_path / SHARD).symlink_to("/nowhere")
    assert [error.kind for error in check_dataset(tmp_path).errors] == ["unreadable shard"]


def test_shards_of_large_sets_are_counted_and_not_listed(tmp_path: Path) -> None:
    for k in range(300):
        (tmp_path / f"{k}.tfrecord-00001-of-99999").touch()
    sets = missing_shards(tmp_path)
    assert len(sets) == 300 and sets[0] == ("", 99998, "0.tfrecord-00000-of-99999")


def test_a_pipe_is_no_shard_that_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / SHARD)
    assert check_dataset(tmp_path).errors


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    next(write_e2e(tmp_path).glob("*.tfrecord-00001-of-00002")).unlink()
    (found,) = (warning for warning in check_dataset(tmp_path).warnings if warning.kind == "missing shards")
    assert found.table == "val" and found.token.endswith(".tfrecord-00001-of-00002") and "1 shards are not there" in found.message
    assert len(open_dataset(tmp_path)) == 6  # whoever fetched some shards of many plans on these


def test_a_shipped_planner_is_submitted_and_scored_alike(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plans, shard, again, about = (tmp_path / name for name in ("plans.json", "s.tar.gz", "again.json", "about.yaml"))
    told = {"account_name": "a", "unique_method_name": "b", "authors": ["c"], "uses_public_model_pretraining": False}
    about.write_text(json.dumps({**told, "num_model_parameters": "0K"}))
    planned = ["plan", str(made), "--planner", "constant-velocity", "--out", str(plans)]
    submitted = ["convert", str(plans), "--to", "wod-e2e", "--about", str(about), "--out", str(shard)]
    assert main(planned) == 0 and main(submitted) == 2
    assert "on both sides of 3.25 s; the plan ends at 3 s" in capsys.readouterr().err
    assert main([*planned, "--horizon", "5", "--rate", "4"]) == main(submitted) == 0
    assert json.loads(plans.read_text())["meta"]["times_s"] == [0.25 * k for k in range(1, 21)]
    assert main(["convert", str(shard), "--from", "wod-e2e", "--out", str(again)]) == 0
    words = ["eval", str(made), "--protocol", "wod-e2e", "--planner", "constant-velocity", "--plans", str(plans), str(again), "--json"]
    capsys.readouterr()
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)
    errors = [row["value"] for row in rows if row["metric"] == "ade_5s" and row["planner"] != "log"]
    assert len(errors) == 3 and errors[0] > 1 and errors == pytest.approx([errors[0]] * 3, abs=1e-6)


@pytest.mark.parametrize("name", ["log", "stand-still"])
def test_a_horizon_is_planned_by_whoever_names_none(made: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "plans.json"
    assert main(["plan", str(made), "--planner", name, "--horizon", "4", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["meta"]["times_s"] == [0.5 * k for k in range(1, 9)]


def test_protocols_that_need_boxes_are_refused_with_the_one_that_fits(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, name in (([], "exact"), (["--protocol", "vad"], "vad")):
        assert main(["eval", str(made), "--planner", "constant-velocity", "-q", *words]) == 2
        assert f"which have no boxes, and {name} needs them; give --protocol wod-e2e" in capsys.readouterr().err
