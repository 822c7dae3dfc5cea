"""PandaSet sequences: known answers on a made one, tables of real pandas, and pickles that want something run."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drive import open_dataset
from drive.data.check import check_dataset
from drive.data.images import read_image
from drive.data.pandaset.frames import read_frame
from tests.data.made import CAR_SIZE, SPEED_MPS, car_from_ego
from tests.data.made.pandas_pickles import table_bytes, write_table
from tests.data.made.pandaset import CAMERA_EARLY_S, CAR_YAW, FRAMES, MOUNT, cuboids, write_sequence

# pandas 2.0.3: DataFrame({"uuid": ["a-1", "b-2"], "label": ["Car", "Pedestrian"], "yaw": [0.1, 0.2], "stationary": [True, False],
# "camera_used": [0, -1], "position.x": [1.0, 2.0], "position.y": [1.0, 2.0], "attributes.object_motion": ["Parked", None],
# "cuboids.sibling_id": ["-", "b"]}).to_pickle("x.pkl.gz")
OF_PANDAS = (
    "H4sICK5bDGsC/3A1LnBrbABtVM1u1DAQTnaz/ReUSpT2UnFjOTRtOXFAatVWSDRiqXqvLDvxbkwTJ/KP2kogwaGllXzDVIIHQeIReBveoIyTLGSr+uAZJ55v5vvs8afet5"
    "+BVw3zqMQ8wTKMC0HDocA5tWZ2Hyv8uvK/2uef7UfbNwHKR8KatfZ2xhUVHGcyzDHHIyqkNQu7WRGfvK3XEN43y00IyhiR/2OseYg0L1l8klFEXBDsNktc5+V5DQ8uFSy2"
    "Zh4NRZETPRzWkDedunjP96zpVRFgE3VeuoJNh2zZ66sv9sj2o67xP9jBYHBwC6OaIk9ZEvlR59Iaf88q2GZmiGaZYhyK6smMxQ4m6kZB5DuUqOPmdD590L/ZbDL/+O7Gr+"
    "3a/t6uv/5prLdzd23TJdMZvmzX9eq+urqurnTVVeXSrTTxY8K9xk41toJlLdj02X2gFw1km8miNzlum2HTjVqdpoo1kKE3KYR53DqlXINyWAgMZ7CABI0LLpXQsQIN00Uz"
    "DWdf/QRFvQu75xNbl+oDrssCBN61CSxPEtgGAtfHcI26eH3Lmi5ZfwHzHoa7OHdIEwq5GObWTB1icUITOzD+OhwssRQCHc+nd3j6jZ1u7Mw/KTeiYFIoZV3ilckrn9AzKk"
    "OCJTTKHOL0FL1x3xzbY9Mb+1XLJNBGNt1Jdx3zdH/MexYWBxWnQGuWwJ3LMKEZ0DrHpwAqFVas4FiAovMxdKHASEvgZubKQjL3LzxrL2DfClYgBNEKaivIexorlBfuJ7RU"
    "rEnBEhlKRjLGRwhSOnFMwF2HD/SlO1RkVu/jKTAfOaJHzrbIpXIAraKwUHCsJpCqKEE051Bw/AqTugkeDuhLeFOcGOP3BeVU4UqdY2DvSpcAaqbQMMOjyn2Cs6w4lSjRJf"
    "QjVhRVGkl7JTUJ/wJwZDQuwQQAAA=="
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pandaset")
    write_sequence(root / "001")
    return root


def test_a_sample_tells_what_was_written(made: Path) -> None:
    dataset = open_dataset(made)
    assert (len(dataset), dataset.scenes, dataset.tokens[7]) == (FRAMES, ("001",), "001:07")
    sample = dataset[25]
    np.testing.assert_allclose(sample.target.future.poses[:, 0], SPEED_MPS * np.arange(0.5, 3.01, 0.5), atol=1e-5)
    np.testing.assert_allclose(sample.target.future.poses[:, 1:], 0, atol=1e-5)
    assert sample.target.future.valid.all() and sample.observation.speed_mps == pytest.approx(SPEED_MPS, abs=1e-3)
    assert sample.target.map is None and len(open_dataset(made / "001")) == FRAMES


def test_a_folder_of_something_else_is_no_sequence(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "001", tmp_path / "001")
    (tmp_path / "calibration" / "camera").mkdir(parents=True)
    assert len(open_dataset(tmp_path)) == FRAMES


@pytest.mark.parametrize("lacking", ["lidar/poses.json", "lidar/timestamps.json"])
def test_a_sequence_that_lacks_a_file_is_named(made: Path, tmp_path: Path, lacking: str) -> None:
    for name in ("001", "002"):
        shutil.copytree(made / "001", tmp_path / name)
    (tmp_path / "002" / lacking).unlink()
    with pytest.raises(ValueError, match=f"002/{lacking}: no such file"):
        [sample.token for sample in open_dataset(tmp_path)]
    assert len(open_dataset(tmp_path, split="001")) == FRAMES
    assert any(lacking in str(finding) for finding in check_dataset(tmp_path).errors)


def test_cuboids_stand_where_they_were_once(made: Path) -> None:
    agents = open_dataset(made)[25].target.agents
    assert agents is not None and agents.instances == ("car-1", "post-1")  # the front LiDAR's second car is left out
    assert agents.categories == ("vehicle.car", "movable_object.trafficcone")
    np.testing.assert_allclose(agents.centres[0, agents.now], car_from_ego(2.5), atol=1e-5)
    np.testing.assert_allclose(agents.headings[0], CAR_YAW, atol=1e-6)
    assert agents.sizes[0].tolist() == list(CAR_SIZE)


def test_an_early_picture_has_the_motion_in_its_pose(made: Path) -> None:
    image = open_dataset(made)[10].observation.frames[-1].cameras[0]
    assert image.camera.name == "front_camera" and image.time_s == pytest.approx(-CAMERA_EARLY_S, abs=1e-5)
    early = np.array([SPEED_MPS * CAMERA_EARLY_S, 0, 0])
    np.testing.assert_allclose(image.camera.ego_from_camera[:3, 3], MOUNT - early, atol=1e-5)
    assert read_image(image)[1].shape == (48, 64, 3)


def test_check_says_what_it_is(made: Path) -> None:
    report = check_dataset(made)
    assert not report.errors and report.counts["pictures"] == FRAMES and report.counts["boxes"] == 2 * FRAMES
    assert "PandaSet" in str(report) and {w.kind for w in report.warnings} == {"no map"}


def test_a_sequence_without_annotations(tmp_path: Path) -> None:
    write_sequence(tmp_path / "001", boxes=False)
    assert open_dataset(tmp_path)[0].target.agents is None


def test_tables_of_real_pandas(tmp_path: Path) -> None:
    (tmp_path / "x.pkl.gz").write_bytes(base64.b64decode(OF_PANDAS))
    table = {name: column.tolist() for name, column in read_frame(tmp_path / "x.pkl.gz").items()}
    assert table["uuid"] == ["a-1", "b-2"] and table["yaw"] == [0.1, 0.2] and table["stationary"] == [True, False]
    assert table["attributes.object_motion"] == ["Parked", ""] and table["cuboids.sibling_id"] == ["-", "b"]
    assert table["position.y"] == [1.0, 2.0] and table["camera_used"] == [0, -1] and len(table) == 9


@pytest.mark.parametrize("protocol", [2, 4])
def test_tables_as_old_pandas_writes_them(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "x.pkl").write_bytes(table_bytes(cuboids(), protocol))
    table = read_frame(tmp_path / "x.pkl")
    assert {name: column.tolist() for name, column in table.items()} == cuboids()


def test_text_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """Each item of an array of text takes the place of the longest."""
    long = "x" * 900
    texts = np.empty(200_000, dtype=object)
    texts[:] = [long, *[""] * 199_999]
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(texts))
    with pytest.raises(ValueError, match="200000 texts of up to 900 characters"):
        read_frame(tmp_path / "x.pkl")


class _Runs:
    def __reduce__(self) -> tuple:
        return print, ("ran",)


def test_a_pickle_that_wants_something_run_is_refused_unrun(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sequence(tmp_path / "001")
    path = tmp_path / "001" / "annotations" / "cuboids" / "03.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(_Runs())))
    (error,) = check_dataset(tmp_path).errors
    assert "03.pkl.gz" in str(error) and "builtins.print" in str(error) and "nothing was run" in str(error)
    assert "ran" not in capsys.readouterr().out


def _json(change: Callable) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        rows = json.loads(path.read_text())
        change(rows)
        path.write_text(json.dumps(rows))

    return apply


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("lidar/poses.json", _json(lambda rows: rows.pop()), "59 poses"),
        ("lidar/poses.json", _json(lambda rows: rows[3]["heading"].update(w=3.0)), "1 of them impossible"),
        ("lidar/poses.json", _json(lambda rows: rows[3].pop("position")), "a row lacks position or heading"),
        ("lidar/timestamps.json", _json(lambda rows: rows.reverse()), "do not increase"),
        ("camera/front_camera/intrinsics.json", _json(lambda told: told.pop("fx")), "fx, fy, cx, cy"),
        ("camera/front_camera/intrinsics.json", _json(lambda told: told.update(fx=2.0)), "impossible calibration"),
        ("camera/front_camera/09.jpg", lambda path: path.write_bytes(b"none"), "does not decode"),
        ("annotations/cuboids/05.pkl.gz", lambda path: path.unlink(), "no cuboids of sweep 05"),
        ("annotations/cuboids/05.pkl.gz", lambda path: path.write_bytes(path.read_bytes()[:200]), "05.pkl.gz"),
        ("annotations/cuboids/05.pkl.gz", lambda path: write_table(path, cuboids(label=["Car", "Car", "UFO"])), "label 'UFO'"),
        ("annotations/cuboids/05.pkl.gz", lambda path: write_table(path, cuboids(yaw=["a", "b", "c"])), "must be numbers"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, file: str, damage: Callable[[Path], None], message: str) -> None:
    damage(write_sequence(tmp_path / "001") / file)
    assert any(message in str(error) for error in check_dataset(tmp_path).errors), str(check_dataset(tmp_path))
