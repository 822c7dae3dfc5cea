"""Submissions to NAVSIM and WOD-E2E, read back by others' readers: Python's own pickle with NAVSIM's classes, protobuf with the schema."""

from __future__ import annotations

import io
import json
import pickle
import sys
import tarfile
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive import protobuf
from drive.cli import main
from drive.eval.convert import convert
from drive.eval.convert.submit import read_about
from drive.pickles import read_pickle
from drive.pickles.results import NAMES
from drive.pickles.write import pickle_bytes

NAVSIM_ABOUT = {"team_name": "us", "authors": ["A. B.", "C. D."], "email": "a@b.c", "institution": "none", "country": "nowhere"}
WOD_ABOUT = {
    "account_name": "a@b.c",
    "unique_method_name": "straight",
    "authors": ["A. B.", "C. Ü."],
    "uses_public_model_pretraining": False,
    "num_model_parameters": "200K",
    "public_model_names": ["none"],
    "method_link": "https://example.org",
}


def plan_file(folder: Path, times: np.ndarray, frame: str = "ego", count: int = 5) -> tuple[Path, dict[str, np.ndarray]]:
    """Plans that bend, each at another speed; the last sample failed."""
    heading = 0.05 * times
    plans = {f"token-{k}": np.column_stack([(k + 1) * times, 0.1 * k * times**2, heading]) for k in range(count)}
    meta = {"planner": "bends", "frame": frame, "times_s": times.tolist(), "columns": ["x", "y", "heading"]}
    results = {token: {"trajectory": plan.tolist()} for token, plan in plans.items()}
    path = folder / "plans.json"
    path.write_text(json.dumps({"meta": meta, "results": results, "errors": {"token-lost": "no picture"}}))
    return path, plans


def about_file(folder: Path, about: dict[str, Any]) -> Path:
    path = folder / "about.yaml"
    path.write_text(json.dumps(about))  # JSON is YAML
    return path


def navsim_words(folder: Path, path: Path) -> list[str]:
    about = about_file(folder, NAVSIM_ABOUT)
    return ["convert", str(path), "--to", "navsim", "--about", str(about), "--out", str(folder / "s.pkl"), "-q"]


@dataclass
class TrajectorySampling:
    """As nuPlan's."""

    num_poses: int | None = None
    time_horizon: float | None = None
    interval_length: float | None = None


@dataclass
class Trajectory:
    """As NAVSIM's, with its checks, which reading does not run."""

    poses: Any
    trajectory_sampling: TrajectorySampling

    def check(self) -> None:
        assert self.poses.ndim == 2 and self.poses.shape == (self.trajectory_sampling.num_poses, 3)
        assert self.trajectory_sampling == TrajectorySampling(8, 4.0, 0.5)


@pytest.fixture
def navsim(monkeypatch: pytest.MonkeyPatch) -> None:
    """NAVSIM's and nuPlan's classes where their packages have them."""
    places = {
        "navsim.common.dataclasses": Trajectory,
        "nuplan.planning.simulation.trajectory.trajectory_sampling": TrajectorySampling,
    }
    for module, kind in places.items():
        parts = module.split(".")
        for k in range(1, len(parts) + 1):
            name = ".".join(parts[:k])
            monkeypatch.setitem(sys.modules, name, sys.modules.get(name) or types.ModuleType(name))
        monkeypatch.setattr(kind, "__module__", module)
        monkeypatch.setattr(sys.modules[module], kind.__name__, kind, raising=False)


def test_a_navsim_submission_is_what_navsim_reads(tmp_path: Path, navsim: None) -> None:
    times = np.arange(1, 9) * 0.5
    path, plans = plan_file(tmp_path, times)
    words = navsim_words(tmp_path, path)
    assert main(words) == 1  # one sample has no plan
    data = pickle.loads((tmp_path / "s.pkl").read_bytes())  # noqa: S301
    assert list(data) == ["team_name", "authors", "email", "institution", "country / region", "predictions"]
    assert data["authors"] == NAVSIM_ABOUT["authors"] and data["country / region"] == "nowhere"
    (found,) = data["predictions"]
    assert list(found) == list(plans)
    for token, trajectory in found.items():
        trajectory.check()
        assert trajectory.poses.dtype == np.float32
        np.testing.assert_allclose(trajectory.poses, plans[token], atol=1e-6)


def test_two_stages_and_back(tmp_path: Path, navsim: None) -> None:
    path, plans = plan_file(tmp_path, np.arange(1, 9) * 0.5)
    (tmp_path / "second.txt").write_text("token-3\ntoken-4\n")
    (tmp_path / "wanted.txt").write_text("\n".join(plans))
    words = [*navsim_words(tmp_path, path), "--second-stage", str(tmp_path / "second.txt"), "--tokens", str(tmp_path / "wanted.txt")]
    assert main(words) == 0
    data = pickle.loads((tmp_path / "s.pkl").read_bytes())  # noqa: S301
    assert list(data["first_stage_predictions"][0]) == ["token-0", "token-1", "token-2"]
    assert list(data["second_stage_predictions"][0]) == ["token-3", "token-4"]
    back = convert(tmp_path / "s.pkl", "navsim")
    assert back.times_s == tuple(np.arange(1, 9) * 0.5) and back.columns == ("x", "y", "heading") and back.frame == "ego"
    for token, plan in plans.items():
        np.testing.assert_allclose(back.results[token], plan, atol=1e-6)


def test_navsim_submissions_of_others_are_read(tmp_path: Path, navsim: None) -> None:
    """Written by Python's pickle from NAVSIM's classes; trajectories of other times than most, or none, are failures."""
    usual, other = TrajectorySampling(8, 4.0, 0.5), TrajectorySampling(40, 4.0, 0.1)
    found: dict[str, Any] = {f"t{k}": Trajectory(np.full((8, 3), k, dtype=np.float32), usual) for k in range(3)}
    found |= {"fast": Trajectory(np.zeros((40, 3)), other), "short": Trajectory(np.zeros((7, 3)), usual), "none": None}
    for protocol in (2, 4, 5):
        (tmp_path / "s.pkl").write_bytes(pickle.dumps({"team_name": "x", "predictions": [found]}, protocol))
        converted = convert(tmp_path / "s.pkl", "navsim")
        assert list(converted.results) == ["t0", "t1", "t2"] and converted.results["t2"][7] == [2.0, 2.0, 2.0]
        assert "40 poses 0.1 s apart" in converted.errors["fast"] and "[7, 3]" in converted.errors["short"]
        assert "no Trajectory" in converted.errors["none"]
    for value, why in (({"predictions": [found, found]}, "several sets"), ({}, "has none of"), ({"predictions": [{}]}, "no Trajectory")):
        (tmp_path / "s.pkl").write_bytes(pickle.dumps(value))
        with pytest.raises(ValueError, match=why):
            convert(tmp_path / "s.pkl", "navsim")


def wod_message() -> Any:
    """`E2EDChallengeSubmission`, its schema built with protobuf's own library."""
    pytest.importorskip("google.protobuf")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="s.proto", package="w", syntax="proto2")
    optional, repeated = 1, 3
    kinds = {"float": 2, "enum": 5, "bool": 8, "text": 9}

    def add(name: str, fields: list[tuple[str, int, int, str]]) -> None:
        message = file.message_type.add(name=name)
        for label, number, rule, kind in fields:
            one = message.field.add(name=label, number=number, label=rule, type=kinds.get(kind, 11))
            if kind == "float":
                one.options.packed = True
            if kind not in kinds:
                one.type_name = f".w.{kind}"

    add("Path", [("pos_x", 1, repeated, "float"), ("pos_y", 2, repeated, "float")])
    add("Frame", [("frame_name", 1, optional, "text"), ("trajectory", 2, optional, "Path")])
    texts = {3: "account_name", 4: "unique_method_name", 6: "affiliation", 7: "description", 8: "method_link", 12: "num_model_parameters"}
    fields = [("predictions", 1, repeated, "Frame"), ("submission_type", 2, optional, "enum"), ("authors", 5, repeated, "text")]
    fields += [(name, number, optional, "text") for number, name in texts.items()]
    fields += [("uses_public_model_pretraining", 11, optional, "bool"), ("public_model_names", 13, repeated, "text")]
    add("Submission", fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("w.Submission"))()


def wod_words(folder: Path, path: Path) -> list[str]:
    about = about_file(folder, WOD_ABOUT)
    return ["convert", str(path), "--to", "wod-e2e", "--about", str(about), "--out", str(folder / "s.tar.gz"), "-q"]


def test_a_wod_e2e_submission_is_what_protobuf_reads(tmp_path: Path) -> None:
    times = 0.25 * np.arange(1, 21)
    path, plans = plan_file(tmp_path, times)
    message = wod_message()
    assert main(wod_words(tmp_path, path)) == 1
    first = (tmp_path / "s.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        (member,) = tar.getmembers()
        assert member.name == "mysubmission.binproto-00000-of-00001"
        stream = tar.extractfile(member)
        assert stream is not None
        message.ParseFromString(stream.read())
    assert not message.FindInitializationErrors() and message.submission_type == 1
    assert list(message.authors) == WOD_ABOUT["authors"] and message.num_model_parameters == "200K" and message.account_name == "a@b.c"
    assert message.HasField("uses_public_model_pretraining") and not message.uses_public_model_pretraining
    assert [frame.frame_name for frame in message.predictions] == list(plans)
    for frame in message.predictions:
        found = np.column_stack([frame.trajectory.pos_x, frame.trajectory.pos_y])
        np.testing.assert_allclose(found, plans[frame.frame_name][:, :2], rtol=1e-6, atol=1e-6)
    assert main(wod_words(tmp_path, path)) == 1 and (tmp_path / "s.tar.gz").read_bytes() == first
    back = convert(tmp_path / "s.tar.gz", "wod-e2e")
    assert back.times_s == tuple(times) and list(back.results) == list(plans)


def test_wod_e2e_submissions_of_others_are_read(tmp_path: Path) -> None:
    """Written by protobuf's library, in two shards; wrong lengths and frames that come twice are failures."""
    shards = []
    for names in (["a-001", "b-002"], ["b-002", "c-003", "d-004"]):
        message = wod_message()
        for name in names:
            frame = message.predictions.add(frame_name=name)
            count = 19 if name == "c-003" else 20
            frame.trajectory.pos_x.extend(np.arange(count))
            frame.trajectory.pos_y.extend(-np.arange(20))
        message.submission_type = 1
        shards.append(message.SerializeToString())
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as tar:
        for k, shard in enumerate(shards):
            info = tarfile.TarInfo(f"mysubmission.binproto-0000{k}-of-00002")
            info.size = len(shard)
            tar.addfile(info, io.BytesIO(shard))
    converted = convert(tmp_path / "s.tar.gz", "wod-e2e")
    assert list(converted.results) == ["a-001", "d-004"] and converted.results["d-004"][19] == [19.0, -19.0]
    assert converted.errors == {
        "b-002": "the results hold this sample more than once",
        "c-003": "the plan has 19 x and 20 y, expected 20 of each",
    }
    (tmp_path / "one").write_bytes(shards[0])
    assert list(convert(tmp_path / "one", "wod-e2e").results) == ["a-001", "b-002"]


DAMAGED = [b"", b"{}", b"\x0a\xff", b"\x0b", b"\x0a\x02\x08", b"\x1f\x8b", b"\x1f\x8b\x08\x00junk", b"\x0a\x04\x0a\x02\xff\xfe"]


def test_headers_of_an_archive_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as tar:
        for k in range(200):
            tar.addfile(tarfile.TarInfo(f"empty-{k}"))
    monkeypatch.setattr("drive.eval.convert.wod_e2e.LARGEST_BYTES", 50_000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        convert(tmp_path / "s.tar.gz", "wod-e2e")


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_submissions_end_in_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(ValueError, match=str(tmp_path / "s")):
        convert(tmp_path / "s", "wod-e2e")


def test_what_a_submission_needs_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = plan_file(tmp_path, np.arange(1, 9) * 0.5)
    assert main(["convert", str(path), "--to", "navsim", "-q"]) == 2
    assert "--about FILE, a YAML file with team_name" in capsys.readouterr().err
    with pytest.raises(ValueError, match="lacks email"):
        read_about(about_file(tmp_path, {**NAVSIM_ABOUT, "email": ""}), "navsim")
    with pytest.raises(ValueError, match="'emial'"):
        read_about(about_file(tmp_path, {**NAVSIM_ABOUT, "emial": "x"}), "navsim")
    assert main(wod_words(tmp_path, path)) == 2  # plans of 4 s where 5 s are asked for
    assert "no entry of" in capsys.readouterr().err
    path, _ = plan_file(tmp_path, 0.25 * np.arange(1, 21), frame="lidar")
    assert main(wod_words(tmp_path, path)) == 2
    assert "takes plans in the ego frame" in capsys.readouterr().err


def test_pickles_that_are_written_are_read_by_both_readers(tmp_path: Path) -> None:
    value = {
        "plain": [None, True, False, -(2**40), 2.5, "ü", b"\xff", (1, "x")],
        "arrays": [np.arange(6, dtype=np.float32).reshape(2, 3), np.array([True]), np.arange(3, dtype=">i8"), np.zeros((0, 3))],
        "nothing": [{}, [], ()],
    }
    data = pickle_bytes(value)
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    for read in (pickle.loads(data), read_pickle(path, "results", NAMES)):  # noqa: S301
        assert read["plain"] == value["plain"] and read["nothing"] == value["nothing"]
        for found, wanted in zip(read["arrays"], value["arrays"], strict=True):
            np.testing.assert_array_equal(found, wanted)
    for bad in (np.array(["x"]), {1, 2}, 2**70):
        with pytest.raises(ValueError, match="cannot be written"):
            pickle_bytes(bad)


def test_wire_format_against_known_bytes() -> None:
    """The examples of protobuf's own description of its encoding."""
    assert protobuf.integer(1, 150) == b"\x08\x96\x01" and protobuf.message(2, "testing") == b"\x12\x07testing"
    assert list(protobuf.fields(b"\x08\x96\x01\x12\x07testing")) == [(1, 0, 150), (2, 2, b"testing")]
    packed, single = protobuf.packed(6, [1.0, -2.5]), b"\x35" + np.float32(1).tobytes() + b"\x35" + np.float32(-2.5).tobytes()
    for data in (packed, single):
        assert protobuf.floats(list(protobuf.fields(data)), 6).tolist() == [1.0, -2.5]
    for bad in (b"\xff" * 11, b"\x0b", b"\x0a\x05ab", b"\x00\x00"):
        with pytest.raises(ValueError, match="no protocol buffer"):
            list(protobuf.fields(bad))
