"""Plans files of others: what their columns are, at which times they are, whose format a file is in that is none of ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.cli import main
from drive.eval.evaluate import evaluate
from drive.eval.openloop.lidar import lidar_path, protocol_lidar
from drive.eval.plan_json import guessed_format
from drive.eval.plan_times import taken_at
from drive.eval.plans import PlanFile, load_plans
from drive.eval.table import text_table
from drive.frames import heading_of, wrap_angle
from drive.schema import PlanError, SceneSample

TIMES = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
ASKED = np.array(TIMES)


@pytest.fixture(scope="module")
def samples(drives: Callable[..., list[SceneSample]]) -> list[SceneSample]:
    return [sample for sample in drives(3) if sample.target.future.valid.all()]


def written(path: Path, results: dict[str, Any], **meta: Any) -> Path:
    meta = {"planner": "p", "frame": "ego", "times_s": TIMES, **meta}
    path.write_text(json.dumps({"meta": {k: v for k, v in meta.items() if v is not None}, "results": results}))
    return path


def recorded(samples: list[SceneSample], frame: str, third: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    """The recorded drives, `third` of their headings (radians in the frame) as the third column."""
    results = {}
    for sample in samples:
        poses, lidar = sample.target.future.poses, protocol_lidar(sample.target.ego_from_lidar)
        xy = lidar_path(poses, lidar) if frame == "lidar" else poses[:, :2]
        heading = wrap_angle(poses[:, 2] - (heading_of(lidar) if frame == "lidar" else 0.0))
        results[sample.token] = {"trajectory": np.column_stack([xy, third(heading)]).tolist()}
    return results


THIRD: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str | None]] = {
    "radians": (lambda h: h, None),
    "radians from 0 to 2 pi": (lambda h: h % (2 * np.pi), None),
    "degrees": (np.degrees, "degrees"),
    "z of the ground": (lambda h: 0 * h, r"no heading \(z"),
    "z of the LiDAR": (lambda h: 0 * h + 1.84, r"no heading \(z"),
}


@pytest.mark.parametrize("frame", ["ego", "lidar"])
@pytest.mark.parametrize("name", THIRD)
@pytest.mark.parametrize("columns", [None, ["x", "y", "heading"]], ids=["undeclared", "declared"])
def test_third_column_is_heading_only_where_it_can_be(
    tmp_path: Path, samples: list[SceneSample], frame: str, name: str, columns: list[str] | None
) -> None:
    third, reason = THIRD[name]
    file = load_plans(written(tmp_path / "p.json", recorded(samples, frame, third), frame=frame, columns=columns))
    if reason is None:
        for sample in samples:
            np.testing.assert_allclose(file.plan(sample).best, sample.target.future.poses, atol=1e-6)
        return
    for sample in samples:
        with pytest.raises(PlanError, match=reason):
            file.plan(sample)
    with pytest.raises(ValueError, match=reason):
        file.require_usable(ASKED)


def test_headings_measured_from_the_cars_axis_in_the_lidar_frame_are_named(tmp_path: Path, samples: list[SceneSample]) -> None:
    results = recorded(samples, "lidar", lambda h: wrap_angle(h - np.pi / 2))
    with pytest.raises(ValueError, match="car's own axis"):
        load_plans(written(tmp_path / "p.json", results, frame="lidar")).require_usable(ASKED)


def test_one_bad_heading_fails_its_own_sample_alone(tmp_path: Path, samples: list[SceneSample]) -> None:
    results = recorded(samples, "ego", lambda h: h)
    bent = samples[0].token
    results[bent]["trajectory"][3][2] = 1e6
    file = load_plans(written(tmp_path / "p.json", results))
    with pytest.raises(PlanError, match="more than a full turn"):
        file.plan(samples[0])
    file.plan(samples[1])
    turning = [[8 * np.sin(a), 8 * (1 - np.cos(a)), 0.0] for a in np.arange(1, 7) * 0.25]
    file = load_plans(written(tmp_path / "p.json", {**results, bent: {"trajectory": turning}}))
    with pytest.raises(PlanError, match="third column is 0 at every step"):
        file.plan(samples[0])
    file.plan(samples[1])


def test_a_straight_or_standing_plan_may_have_headings_of_zero(tmp_path: Path, samples: list[SceneSample]) -> None:
    for speed in (5.0, 0.0, -1.0):
        rows = [[speed * t, 0.0, 0.0] for t in TIMES]
        best = load_plans(written(tmp_path / "p.json", {samples[0].token: {"trajectory": rows}})).plan(samples[0]).best
        np.testing.assert_array_equal(best, rows)


@pytest.mark.parametrize("columns", [["x", "y", "z"], ["y", "x"], ["x"], "xy", [1, 2], {}, ["x", "y", "yaw_deg"]])
def test_other_columns_are_refused(tmp_path: Path, samples: list[SceneSample], columns: Any) -> None:
    results = recorded(samples, "ego", lambda h: h)
    with pytest.raises(ValueError, match="meta.columns"):
        load_plans(written(tmp_path / "p.json", results, columns=columns)).require_usable(ASKED)


def test_rows_must_be_as_wide_as_the_columns(tmp_path: Path, samples: list[SceneSample]) -> None:
    results = recorded(samples, "ego", lambda h: h)
    with pytest.raises(ValueError, match=r"expected 6 steps of \[x, y\]"):
        load_plans(written(tmp_path / "p.json", results, columns=["x", "y"])).require_usable(ASKED)


def curve(times: np.ndarray) -> list[list[float]]:
    return np.column_stack([5 * times, 0.1 * times**2]).tolist()


RATES = {
    "10 Hz, 64 points": (np.arange(1, 65) / 10, []),
    "4 Hz": (np.arange(1, 21) / 4, []),
    "2 Hz, 4 s": (np.arange(1, 9) / 2, []),
    "hundredths off": (np.arange(1, 7) / 2 + 0.008, []),
    "0.4 s apart": (np.arange(1, 9) * 0.4, [0.5, 1.0, 1.5, 2.5, 3.0]),
    "half a step off": (np.arange(0, 7) / 2 + 0.25, TIMES),
}


@pytest.mark.parametrize("frame", ["ego", "lidar"])
@pytest.mark.parametrize("name", RATES)
def test_points_are_taken_at_the_times_asked_for(tmp_path: Path, samples: list[SceneSample], name: str, frame: str) -> None:
    times, between = RATES[name]
    near = [t for t in TIMES if name != "0.4 s apart" or t in (1.0, 2.0, 3.0)]
    if name == "0.4 s apart":
        # 0.5 s lies 0.1 s and 0.3 s from its neighbours: too far.
        with pytest.raises(ValueError, match="disagree with the times asked for.*within 0.25 s on both sides of 0.5 s"):
            load_plans(written(tmp_path / "p.json", {samples[0].token: {"trajectory": curve(times)}}, times_s=times.tolist())
                       ).require_usable(ASKED)  # fmt: skip
        return
    rows = np.array(curve(times))
    rows = np.column_stack([-rows[:, 1], rows[:, 0]]) if frame == "lidar" else rows
    file = load_plans(written(tmp_path / "p.json", {samples[0].token: {"trajectory": rows.tolist()}}, times_s=times.tolist(), frame=frame))
    paths, _ = file.rows(samples[0].token, ASKED, 0.0)
    xy = np.column_stack([paths[0][:, 1], -paths[0][:, 0]]) if frame == "lidar" else paths[0]
    np.testing.assert_allclose(xy, curve(np.array(near)), atol=0.05)
    assert file.interpolated(ASKED) == between and len(file.plan(samples[0]).best) == 6


def test_interpolation_starts_at_t0_and_turns_the_short_way() -> None:
    times, asked = np.array([0.25, 0.75, 1.25]), np.array([0.1, 0.5, 1.0])
    rows = np.column_stack([4 * times, -times, wrap_angle(np.pi - 0.1 + 0.2 * times)])
    found = taken_at(times, asked).of(rows, np.pi - 0.1)
    np.testing.assert_allclose(found[:, :2], np.column_stack([4 * asked, -asked]))
    np.testing.assert_allclose(wrap_angle(found[:, 2] - (np.pi - 0.1 + 0.2 * asked)), 0.0, atol=1e-9)


def test_the_report_says_what_was_interpolated(tmp_path: Path, samples: list[SceneSample]) -> None:
    times = np.arange(0, 7) / 2 + 0.25
    results = {s.token: {"trajectory": curve(times)} for s in samples}
    report = evaluate(samples, plans=[written(tmp_path / "p.json", results, times_s=times.tolist())])
    assert report.settings["interpolated_s"] == {"p": TIMES}
    assert "p: the points at 0.5, 1, 1.5, 2, 2.5, 3 s are interpolated" in text_table(report)


FORMATS = {
    "nuScenes detections": ({"meta": {"use_camera": True}, "results": {"a": [{"detection_name": "car"}]}}, "detection"),
    "UniAD": ([{"token": "a", "planning_traj": [[0, 1]]}], "UniAD"),
    "VAD": ({"meta": {}, "results": {}, "map_results": {}}, "VAD"),
    "SparseDrive": ([{"img_bbox": {"final_planning": [[0, 1]]}}], "SparseDrive"),
    "OpenEMMA": ({"name": "scene-0103", "token": "a", "ade1s": 1.0, "ade2s": 1.0, "ade3s": 1.0, "avgade": 1.0}, "OpenEMMA"),
    "NAVSIM": ({"team_name": "t", "authors": [], "predictions": [{}]}, "NAVSIM"),
    "tokens alone": ({"a": [[0, 1], [0, 2]], "b": [[0, 1], [0, 2]]}, "by token alone"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_formats_of_others_are_named(tmp_path: Path, name: str) -> None:
    data, said = FORMATS[name]
    path = tmp_path / "p.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=said) as caught:
        load_plans(path).require_usable(ASKED)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\x80\x04K\x01.", "pickle"), (b"PK\x03\x04...", "ZIP"), (b'{"ade1s": 1, "ade3s": 1}\n' * 2, "JSON lines.*OpenEMMA"),
     (b"[" * 100_000, "not JSON"), (b'{"a":' * 100_000, "not JSON"), (b"1" * 5000, "no single object")],
)  # fmt: skip
def test_what_is_no_json_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        load_plans(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_our_own_files_look_like_no_other_format() -> None:
    assert guessed_format({"meta": {"planner": "p"}, "results": {"a": {"trajectory": [[0, 1]], "samples": []}}, "errors": {}}) == ""


HOSTILE = {
    "deep frame": {"frame": json.loads("[" * 900 + "]" * 900)},
    "deep times": {"times_s": json.loads("[" * 900 + "]" * 900)},
    "400 digits": {"times_s": [10**400] * 6},
    "deep columns": {"columns": json.loads("[" * 900 + "]" * 900)},
    "escape sequences": {"frame": "\x1b[31m\n\x07" * 50},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_declarations_are_one_line(tmp_path: Path, samples: list[SceneSample], name: str) -> None:
    path = written(tmp_path / "p.json", recorded(samples, "ego", lambda h: h), planner="\x1b[2J\n" * 100, **HOSTILE[name])
    file = load_plans(path)
    with pytest.raises(ValueError, match="can be used: ") as caught:
        file.require_usable(ASKED)
    assert str(caught.value).isprintable() and file.planner.isprintable() and len(file.planner) <= 80


def test_repeated_keys_take_linear_time(tmp_path: Path) -> None:
    meta = json.dumps({"planner": "p", "frame": "ego", "times_s": TIMES})
    seconds = []
    for count in (20_000, 200_000):
        entries = ", ".join(f'"{i // 2}": 0' for i in range(count))
        (tmp_path / "p.json").write_text(f'{{"meta": {meta}, "results": {{{entries}}}}}')
        start = time.process_time()
        assert len(load_plans(tmp_path / "p.json").repeated) == count // 2
        seconds.append(time.process_time() - start)
    assert seconds[1] < 100 * max(seconds[0], 0.01)


def test_a_file_without_a_usable_entry_stops_before_the_data_are_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told by the data set named, which does not exist: the message is about the plans."""
    path = written(tmp_path / "p.json", {"a": {"trajectory": [[0.0, 1.0]] * 5}, "b": [{"detection_name": "car"}]})
    for verb in ("eval", "view"):
        assert main([verb, str(tmp_path / "absent"), "--plans", str(path)]) == 2
        error = capsys.readouterr().err
        assert "no entry of" in error and "shape [5, 2]" in error and error.count("\n") == 1
    file = load_plans(written(tmp_path / "q.json", {"a": {"trajectory": [[0.0, 1.0]] * 5}, "b": {"trajectory": [[0.0, 1.0]] * 6}}))
    assert isinstance(file, PlanFile) and file.require_usable(ASKED) is None
    file.require_usable(ASKED)
