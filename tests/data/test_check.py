"""`drive check`: each fault is found, named by table, token and field, and nothing else is said."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edit_tables import VERSION, edit
from PIL import Image
from test_nuscenes import row_of

from drive.cli import main
from drive.data.check import check_dataset
from drive.data.check.report import LINES_PER_KIND
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.jpeg import jpeg_warnings


def test_a_sound_set_is_spotless(mini: Path) -> None:
    report = check_dataset(mini)
    assert (report.errors, report.warnings) == ([], [])
    assert report.counts["sample"] == 112 and report.counts["sensor files on disk"] == 112 * 7


@pytest.mark.real
def test_real_sets_have_no_errors_and_few_lines_of_warnings(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = check_dataset(real_data / "nuscenes-mini")
    kinds = {kind: sum(w.kind == kind for w in report.warnings) for kind in {w.kind for w in report.warnings}}
    assert not report.errors
    assert kinds == {
        "camera key frame not on disk": 404 * 6 - 18,
        "lidar key frame not on disk": 403,
        "points unknown": 13948,
        "visibility unknown": 18389,
        "instance without annotations": 6,
    }
    assert len(str(report).splitlines()) == 1 + len(kinds) + 1 and "18389" in str(report)
    assert main(["check", str(real_data / "pandaset-002")]) == 0
    assert "0 errors, 16 warnings" in capsys.readouterr().out


CALIBRATION, K = "calibrated_sensor", "camera_intrinsic"
FAULTS: dict[str, tuple[str, str, Callable[[dict], Any], str]] = {
    "focal length 40 times too long": (CALIBRATION, K, lambda r: k(r, [40, 40, 1]), "impossible calibration"),
    "focal length 40 times too short": (CALIBRATION, K, lambda r: k(r, [1 / 40, 1 / 40, 1]), "impossible calibration"),
    "K transposed": (CALIBRATION, K, lambda r: np.transpose(r["camera_intrinsic"]).tolist(), "impossible calibration"),
    "principal point outside": (CALIBRATION, K, lambda r: k(r, [1, 1, 5]), "impossible calibration"),
    "K for half the image": (CALIBRATION, K, lambda r: k(r, [0.5, 0.5, 0.5]), "impossible calibration"),
    "K not a matrix": (CALIBRATION, K, lambda r: [1, 2, 3], "impossible value"),
    "no K": (CALIBRATION, K, lambda r: [], "impossible calibration"),
    "NaN in K": (CALIBRATION, K, lambda r: [[float("nan")] * 3] * 3, "impossible value"),
    "unknown lens": (CALIBRATION, "camera_model", lambda r: "telescope", "impossible calibration"),
    "two distortion coefficients": (CALIBRATION, "camera_distortion", lambda r: [0.1, 0.2], "impossible calibration"),
    "mount not unit": (CALIBRATION, "rotation", lambda r: [2 * v for v in r["rotation"]], "impossible quaternion"),
    "pose of zeros": ("ego_pose", "rotation", lambda r: [0, 0, 0, 0], "impossible quaternion"),
    "pose NaN": ("ego_pose", "translation", lambda r: [0, float("nan"), 0], "impossible value"),
    "pose of text": ("ego_pose", "translation", lambda r: "here", "impossible value"),
    "time of text": ("ego_pose", "timestamp", lambda r: "now", "impossible value"),
    "time without end": ("ego_pose", "timestamp", lambda r: 10**40, "impossible value"),
    "dangling pose": ("sample_data", "ego_pose_token", lambda r: "nowhere", "dangling token"),
    "dangling sample": ("sample_data", "sample_token", lambda r: "nowhere", "dangling token"),
    "dangling next": ("sample_data", "next", lambda r: "nowhere", "dangling token"),
    "next to itself": ("sample_data", "next", lambda r: r["token"], "broken chain"),
    "path upwards": ("sample_data", "filename", lambda r: f"samples/../../{Path(r['filename']).name}", "path leaves the root"),
    "absolute path": ("sample_data", "filename", lambda r: "/etc/hostname", "path leaves the root"),
    "other size in the table": ("sample_data", "width", lambda r: 416, "wrong image size"),
}


def k(row: dict, factors: list[float]) -> list[list[float]]:
    """The intrinsics with focal lengths and principal point times (fx, fy, cx and cy) factors."""
    matrix = np.array(row["camera_intrinsic"])
    matrix[[0, 1], [0, 1]] *= factors[:2]
    matrix[:2, 2] *= factors[2]
    return matrix.tolist()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_sensors_row(one_scene: Path, fault: str) -> None:
    table, field, change, kind = FAULTS[fault]
    token = row_of(one_scene, table, "CAM_BACK", 5)
    with edit(one_scene, table) as rows:
        row = next(row for row in rows if row["token"] == token)
        row[field] = change(row)
    errors = check_dataset(one_scene).errors
    where = {(e.table, e.token, e.field) for e in errors if e.kind == kind}
    assert (table, token, field) in where, errors
    # A broken link shows at both of its ends, and nothing else shows anything.
    assert {e.kind for e in errors} <= {kind, "broken chain"} and len(errors) <= (2 if field == "next" else 1)


def test_a_link_that_comes_back_to_nothing(one_scene: Path) -> None:
    a, b = (row_of(one_scene, "sample_data", "CAM_BACK", place) for place in (5, 6))
    with edit(one_scene, "sample_data") as rows:
        next(row for row in rows if row["token"] == a)["next"] = ""
    (error,) = check_dataset(one_scene).errors
    assert (error.kind, error.table, error.token, error.field) == ("broken chain", "sample_data", b, "prev") and a in error.message


def test_faults_in_annotations(one_scene: Path) -> None:
    path = one_scene / VERSION / "sample_annotation.json"
    whole = path.read_text()
    for field, value, kind in (
        ("size", [1, -1, 1], "impossible value"),
        ("rotation", [1, 1, 0, 0], "impossible quaternion"),
        ("visibility_token", "9", "dangling token"),
        ("attribute_tokens", ["nowhere"], "dangling token"),
        ("num_lidar_pts", None, "impossible value"),
        ("prev", "nowhere", "dangling token"),
    ):
        path.write_text(whole)
        with edit(one_scene, "sample_annotation") as rows:
            rows[3][field] = value
        errors = check_dataset(one_scene).errors
        where = {(e.kind, e.table, e.token, e.field) for e in errors}
        assert (kind, "sample_annotation", rows[3]["token"], field) in where, (field, errors)


def test_faults_in_chains_and_times(one_scene: Path) -> None:
    path = one_scene / VERSION / "sample.json"
    whole = path.read_text()
    names = [row["token"] for row in json.loads(whole)]
    scene = json.loads((one_scene / VERSION / "scene.json").read_text())[0]["token"]
    lost = {"token": "lost", "prev": "", "next": ""}
    cases = (
        (lambda rows: rows[6].update(next=names[2]), ("broken chain", "sample", names[6], "next")),
        (lambda rows: rows[6].update(next=names[2]), ("broken chain", "scene", scene, "first_sample_token")),
        (lambda rows: rows[6].update(next=""), ("broken chain", "scene", scene, "last_sample_token")),
        (lambda rows: rows[6].update(timestamp=rows[5]["timestamp"]), ("time backwards", "sample", names[5], "next")),
        (lambda rows: rows[13].update(next="nowhere"), ("dangling token", "sample", names[13], "next")),
        (lambda rows: rows[0].update(prev=names[3]), ("broken chain", "scene", scene, "first_sample_token")),
        (lambda rows: rows.append(rows[0] | lost), ("broken chain", "scene", scene, "first_sample_token")),
    )
    for change, expected in cases:
        path.write_text(whole)
        with edit(one_scene, "sample") as rows:
            change(rows)
        errors = check_dataset(one_scene).errors
        assert expected in {(e.kind, e.table, e.token, e.field) for e in errors}, (expected, errors)


def test_counts_and_ends_of_scenes(one_scene: Path) -> None:
    for field, value, kind in (
        ("nbr_samples", 13, "broken chain"),
        ("last_sample_token", "nowhere", "broken chain"),
        ("first_sample_token", "nowhere", "dangling token"),
        ("log_token", "nowhere", "dangling token"),
    ):
        with edit(one_scene, "scene") as rows:
            before, rows[0][field] = rows[0][field], value
        errors = check_dataset(one_scene).errors
        assert [(e.kind, e.table, e.token, e.field) for e in errors] == [(kind, "scene", rows[0]["token"], field)]
        with edit(one_scene, "scene") as rows:
            rows[0][field] = before
    assert not check_dataset(one_scene).errors


def test_time_backwards_between_frames_of_a_sensor_without_a_chain(one_scene: Path) -> None:
    a, b = (row_of(one_scene, "sample_data", "CAM_BACK", place) for place in (5, 6))
    with edit(one_scene, "sample_data") as rows:
        for row in rows:
            row |= {"prev": "", "next": ""}
            row["timestamp"] -= 600_000 * (row["token"] == b)
    report = check_dataset(one_scene)
    assert [(e.kind, e.table, e.token, e.field) for e in report.errors] == [
        ("time backwards", "sample_data", a, "timestamp"),
        ("pose of another time", "sample_data", b, "ego_pose_token"),
    ]
    assert {w.kind for w in report.warnings} == {"key frame off its time"}


def test_two_pictures_of_one_camera(one_scene: Path) -> None:
    token, other = (row_of(one_scene, "sample_data", "CAM_BACK", place) for place in (5, 6))
    with edit(one_scene, "sample_data") as rows:
        found = {row["token"]: row for row in rows}
        found[other]["sample_token"] = found[token]["sample_token"]
    report = check_dataset(one_scene)
    assert ("two of one sensor", other) in {(e.kind, e.token) for e in report.errors}
    assert "camera missing from a key frame" in {w.kind for w in report.warnings}


def test_files(one_scene: Path) -> None:
    with edit(one_scene, "sample_data") as rows:
        pass
    pictures = [row for row in rows if row["fileformat"] == "jpg"]
    sweeps = [row for row in rows if row["fileformat"] == "pcd"]
    for damaged in pictures[:3]:
        path = one_scene / damaged["filename"]
        data = path.read_bytes()
        path.write_bytes({0: b"", 1: data[: len(data) // 2], 2: b"not a picture"}[pictures.index(damaged)])
    cv2.imwrite(str(one_scene / pictures[3]["filename"]), np.zeros((450, 800, 3), dtype=np.uint8))
    (one_scene / pictures[4]["filename"]).unlink()
    (one_scene / sweeps[0]["filename"]).write_bytes(b"1234567")
    (one_scene / sweeps[1]["filename"]).unlink()
    (one_scene / "maps" / "synthetic.png").unlink()
    report = check_dataset(one_scene)
    undecodable = {e.token for e in report.errors if e.kind == "undecodable file"}
    assert undecodable == {row["token"] for row in [*pictures[:3], sweeps[0]]}
    assert [(e.token, e.field) for e in report.errors if e.kind == "wrong image size"] == [(pictures[3]["token"], "width")]
    assert [e.table for e in report.errors if e.kind == "missing map"] == ["map"]
    assert {(w.kind, w.token) for w in report.warnings} == {
        ("camera key frame not on disk", pictures[4]["token"]),
        ("lidar key frame not on disk", sweeps[1]["token"]),
    }


@pytest.mark.parametrize("text", ["", "[", "{}", "null", "[NaN]", '[{"token": 3}]', "[[]]", "\x00", "[" * 100_000, '["\ud800"]'])
def test_tables_that_are_no_tables(one_scene: Path, text: str) -> None:
    (one_scene / VERSION / "sensor.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert "sensor" in {e.table for e in check_dataset(one_scene).errors}


LONG, LONGER = "1" + "0" * 400, "1" * 6000
HOSTILE: dict[str, tuple[str, Callable[[str], str], str]] = {
    "deep nesting": ("sensor", lambda text: "[" * 200_000, "unreadable table: sensor: v1.0-mini/sensor.json: RecursionError"),
    "cut off": ("sample", lambda text: text[:1500], "unreadable table: sample: v1.0-mini/sample.json: JSONDecodeError"),
    "400 digits": ("ego_pose", lambda text: text.replace('tion": [', f'tion": [{LONG}, ', 1), "impossible value: ego_pose."),
    "6,000 digits": ("sample", lambda text: text.replace('"timestamp": ', f'"timestamp": {LONGER}', 1), "unreadable table: sample"),
    "an archive": ("sample", lambda text: "PK\x03\x04\x00", "unreadable table: sample: v1.0-mini/sample.json: JSONDecodeError"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_tables_are_one_line_each(one_scene: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    table, change, message = HOSTILE[case]
    path = one_scene / VERSION / f"{table}.json"
    path.write_text(change(path.read_text()))
    report = str(check_dataset(one_scene))
    assert message.split(":")[0] in report.splitlines()[1] and max(len(line) for line in report.splitlines()) < 400
    assert main(["eval", str(one_scene), "--planner", "constant-velocity", "-q"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line and "mend it" in line and len(line) < 800


def test_repeated_keys_are_found_in_linear_time(one_scene: Path) -> None:
    path = one_scene / VERSION / "sensor.json"
    rows = json.loads(path.read_text())
    path.write_text(path.read_text().replace('"channel"', '"token": "' + rows[0]["token"] + '", "channel"', 1))
    errors = check_dataset(one_scene).errors
    assert [(e.kind, e.table, e.token, e.field) for e in errors] == [("repeated key", "sensor", rows[0]["token"], "'token'")]
    path.write_text("[{" + ",".join(f'"token":"{i}"' for i in range(400_000)) + "}]")
    start = time.perf_counter()
    assert "repeated key" in {e.kind for e in check_dataset(one_scene).errors}
    assert time.perf_counter() - start < 20


def test_names_in_a_report_cannot_steer_a_terminal(one_scene: Path) -> None:
    with edit(one_scene, "scene") as rows:
        rows[0] |= {"token": "\x1b[31m\nred", "nbr_samples": 3}
    report = str(check_dataset(one_scene))
    assert "\x1b" not in report and "scene.\\x1b[31m\\nred.first_sample_token" in report


def test_splits_that_are_none(one_scene: Path) -> None:
    (one_scene / VERSION / "splits.json").write_text("[" * 100_000)
    (error,) = check_dataset(one_scene).errors
    assert (error.kind, error.table) == ("unreadable table", f"{VERSION}/splits.json")
    with pytest.raises(ValueError, match="splits.json is not a mapping"):
        open_dataset(one_scene, split="train")


def test_a_table_not_there(one_scene: Path) -> None:
    (one_scene / VERSION / "ego_pose.json").unlink()
    report = check_dataset(one_scene)
    assert report.errors[0].kind == "missing table" and report.errors[0].table == "ego_pose"
    assert "... and" in str(report) and str(report).count("dangling token") == 1
    assert len(str(report).splitlines()) <= 2 * (LINES_PER_KIND + 2) + 2


_opened: list[str] | None = None


def _audit(event: str, args: tuple) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir") and args:
        _opened.append(str(args[0]))


sys.addaudithook(_audit)


@pytest.mark.parametrize("place", ["samples/CAM_FRONT", f"{VERSION}/sample.json", "can_bus", "maps/expansion", "maps/synthetic.png"])
def test_nothing_outside_the_root_is_opened(one_scene: Path, tmp_path: Path, place: str) -> None:
    global _opened
    stolen = tmp_path / "stolen"
    shutil.move(one_scene / place, stolen)
    (one_scene / place).symlink_to(stolen)
    _opened = []
    try:
        report = check_dataset(one_scene)
    finally:
        seen, _opened = _opened, None
    assert "path leaves the root" in {e.kind for e in report.errors}
    assert any(name.endswith("sensor.json") for name in seen)
    assert not [name for name in seen if "stolen" in name or f"{place}/" in name or name.endswith(place)]


def test_gap_between_key_frames(one_scene: Path) -> None:
    with edit(one_scene, "sample") as samples:
        gone = samples.pop(7)
        samples[6]["next"], samples[7]["prev"] = samples[7]["token"], samples[6]["token"]
    with edit(one_scene, "scene") as scenes:
        scenes[0]["nbr_samples"] -= 1
    for table in ("sample_data", "sample_annotation"):
        with edit(one_scene, table) as rows:
            lost = {row["token"] for row in rows if row["sample_token"] == gone["token"]}
            rows[:] = [row for row in rows if row["token"] not in lost]
            for row in rows:
                row["prev"], row["next"] = ("" if row[way] in lost else row[way] for way in ("prev", "next"))
    (gap,) = (w for w in check_dataset(one_scene).warnings if w.kind == "gap between key frames")
    assert gap.token == samples[6]["token"] and "1.00 s" in gap.message


def test_a_camera_of_another_name_is_not_lost_in_silence(one_scene: Path) -> None:
    with edit(one_scene, "sensor") as rows:
        rows[2]["channel"] = "FRONT_LEFT"
    (warning,) = check_dataset(one_scene).warnings
    assert (warning.kind, warning.table, warning.token, warning.field) == ("camera not used", "sensor", rows[2]["token"], "channel")


def test_exit_status_and_messages(one_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(one_scene)]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    with edit(one_scene, "ego_pose") as rows:
        rows[0]["rotation"] = [0, 0, 0, 0]
    assert main(["check", str(one_scene)]) == 1
    assert f"ego_pose.{rows[0]['token']}.rotation: quaternion [0, 0, 0, 0] has length 0, expected 1" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "nothing")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["check", str(one_scene), "--version", "v1.0-test"]) == 2


def test_pictures_turned_damaged_or_deep_are_judged_as_the_loader_reads_them(one_scene: Path) -> None:
    """An EXIF orientation, a decoder's warning and 16 bits: warned of, or read; a size that the orientation swaps is an error of both."""
    names = sorted((one_scene / "samples" / "CAM_FRONT").iterdir())
    data = names[2].read_bytes()
    flips = (data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :] for at in range(len(data) // 2, len(data)))
    damaged = next(flip for flip in flips if jpeg_warnings(flip))
    for path, turn in ((names[0], 3), (names[1], 6)):
        exif = Image.Exif()
        exif[0x0112] = turn
        with Image.open(path) as picture:
            picture.save(path, format="JPEG", exif=exif)
    names[2].write_bytes(damaged)
    cv2.imencode(".png", np.full((225, 400), 40_000, np.uint16))[1].tofile(names[3])
    report = check_dataset(one_scene)
    warned = {w.kind: w.message for w in report.warnings}
    assert names[0].name in warned["picture turned by EXIF"] and "orientation 3" in warned["picture turned by EXIF"]
    assert names[2].name in warned["damaged picture"] and "Corrupt JPEG data" in warned["damaged picture"]
    (error,) = report.errors
    assert error.kind == "wrong image size" and "(turned upright by its EXIF orientation 6) is 225x400" in error.message
    views = [sample.observation.frames[-1].cameras[0] for sample in open_dataset(one_scene, limit=4, maps=False)]
    assert [read_image(views[i])[1].shape for i in (0, 2, 3)] == [(225, 400, 3)] * 3
    assert (read_image(views[3])[1] == 40_000 >> 8).all()
    with pytest.raises(ValueError, match="EXIF orientation 6"):
        read_image(views[1])
