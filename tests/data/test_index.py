"""The index of nuScenes tables: samples equal to those by way of nuscenes-devkit, rows in place, and what makes it anew."""

from __future__ import annotations

import json
import logging
import pickle
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edit_tables import VERSION, edit
from hypothesis import given
from hypothesis import strategies as st

from drive.data import kept as keeping
from drive.data.dataset import open_dataset
from drive.data.nuscenes import index
from drive.data.nuscenes.dataset import NuScenesDataset
from drive.data.nuscenes.index import load_tables
from drive.data.nuscenes.index.lookup import TABLES
from drive.data.nuscenes.index.stream import placed_rows
from drive.data.nuscenes.maps import MaskMap
from drive.data.nuscenes.splits import official_splits
from drive.data.nuscenes.tables import find_version
from drive.data.paths import Inside, inside
from drive.schema import Window


class DevkitTables:
    """nuscenes-devkit behind what data sets ask of tables; no scene counts as sound, so that all is judged from its rows."""

    def __init__(self, root: Path) -> None:
        from nuscenes.nuscenes import NuScenes

        self.root, self.version = root, find_version(root, None)
        self.nusc = NuScenes(version=self.version, dataroot=str(root), verbose=False)
        self.get, self.scene, self.sensor = self.nusc.get, self.nusc.scene, self.nusc.sensor
        self.tokens = tuple(row["token"] for row in self.nusc.sample)
        pairs = [(row, self.nusc.get("sample", row["next"])) for row in self.nusc.sample if row["next"]]
        self.spacing_s = float(np.median([after["timestamp"] - row["timestamp"] for row, after in pairs])) / 1e6

    def __getitem__(self, name: str) -> Any:
        return np.zeros(len(self.scene), np.int64)

    def sound(self, scene: dict) -> bool:
        return False

    def frame_tokens(self, scene: dict) -> None:
        return None

    def numbers(self, scenes: list[dict]) -> list[int]:
        return [self.scene.index(scene) for scene in scenes]


def differences(a: Any, b: Any, place: str = "sample") -> Iterator[str]:
    """Where two values are not the same to the last bit, of the same types."""
    if type(a) is not type(b):
        yield f"{place}: {type(a)} and {type(b)}"
    elif is_dataclass(a):
        for field in fields(a):
            yield from differences(getattr(a, field.name), getattr(b, field.name), f"{place}.{field.name}")
    elif isinstance(a, tuple | list | dict):
        pairs = list(zip(a.items(), b.items(), strict=False)) if isinstance(a, dict) else list(zip(a, b, strict=False))
        if len(a) != len(b):
            yield f"{place}: {len(a)} and {len(b)}"
        for number, (x, y) in enumerate(pairs):
            yield from differences(x, y, f"{place}[{number}]")
    elif isinstance(a, np.ndarray):
        if a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            yield place
    elif a != b:
        yield f"{place}: {a} and {b}"


def by_devkit(root: Path, window: Window, maps: bool) -> NuScenesDataset:
    tables: Any = DevkitTables(root)
    return NuScenesDataset(tables, [scene["name"] for scene in tables.scene], window, None, True, "poses", maps, lanes=maps)


def assert_equal_samples(root: Path, maps: bool, every: int = 1) -> None:
    window = Window(frames=2)
    ours: Any = open_dataset(root, window=window, maps=maps, lanes=maps)
    theirs = by_devkit(root, window, maps)
    assert (ours.tokens, ours.all_tokens, ours.scenes) == (theirs.tokens, theirs.all_tokens, theirs.scenes)
    for token in ours.tokens[::every]:
        assert not list(differences(ours.sample(token), theirs.sample(token)))
        assert not list(differences(ours.annotated(token), theirs.annotated(token)))


def test_every_field_of_every_sample_is_that_of_the_devkits_tables(mini: Path, embedded: Path) -> None:
    assert_equal_samples(mini, maps=True)
    assert_equal_samples(embedded, maps=False)


@pytest.mark.real
@pytest.mark.parametrize("name", ["nuscenes-mini", "pandaset-002"])
def test_every_field_of_every_real_sample_is_that_of_the_devkits_tables(real_data: Path, name: str) -> None:
    assert_equal_samples(real_data / name, maps=False)


def test_rows_are_the_devkits_with_its_shortcuts(mini: Path) -> None:
    tables, devkit = load_tables(mini, VERSION), DevkitTables(mini).nusc
    for table in TABLES:
        for row in getattr(devkit, table):
            if table not in ("sample_data", "ego_pose") or row["token"] in {t for s in devkit.sample for t in s["data"].values()}:
                row.pop("mask", None)
                assert tables.get(table, row["token"]) == row
        with pytest.raises(KeyError, match="nowhere"):
            tables.get(table, "nowhere")
    assert tables.count("sample_data") == sum(row["is_key_frame"] for row in devkit.sample_data)


def test_official_splits_are_the_devkits() -> None:
    from nuscenes.utils.splits import create_splits_scenes

    assert official_splits().items() >= create_splits_scenes().items()


ROWS = st.lists(st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.text(max_size=9), st.lists(st.floats(allow_nan=False)))))


@given(ROWS, st.integers(1, 40), st.sampled_from([None, 0, 2]), st.booleans())
def test_a_table_read_in_pieces_is_the_table(tmp_path_factory: Any, rows: list, chunk: int, indent: int | None, ascii_: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.json"
    path.write_bytes(json.dumps(rows, indent=indent, ensure_ascii=ascii_).encode("utf-8", "surrogatepass"))
    data = path.read_bytes()
    try:
        whole = json.loads(data.decode())
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            list(placed_rows(path, chunk))
        return
    found = list(placed_rows(path, chunk))
    assert [row for row, _, _ in found] == whole
    assert [json.loads(data[at : at + size]) for _, at, size in found] == whole


@given(ROWS, st.integers(1, 40), st.booleans())
def test_needless_rows_are_passed_over_and_no_others(tmp_path_factory: Any, rows: list, chunk: int, ascii_: bool) -> None:
    """Rows are needless by a field that all have; those that are not plain are read all the same."""
    rows = [{"token": f"{n}", **row, "keep": n % 2 == 0} for n, row in enumerate(rows)]
    path = tmp_path_factory.getbasetemp() / "needless.json"
    path.write_bytes(json.dumps(rows, ensure_ascii=ascii_).encode("utf-8", "replace"))
    whole = json.loads(path.read_bytes().decode())

    def glance(text: str) -> dict | None:
        return {} if re.findall(r'"keep": (\w+)', text) == ["false"] else None

    found = [row for row, *_ in placed_rows(path, chunk, glance)]
    assert [row for row in found if row["keep"]] == [row for row in whole if row["keep"]]
    texts = [json.dumps(row, ensure_ascii=ascii_)[1:-1] for row in found if not row["keep"]]
    assert all(set(text) & set("{}\\") or not text.isascii() for text in texts)


NO_LISTS = (
    "",
    "[",
    "{}",
    "null",
    "[1, 2]",
    '["a"]',
    "[[]]",
    "[{}",
    "[{},]",
    "[{}] x",
    "[{}{}]",
    '[{"a": 1}, 2]',
    '[{"a": "]}',
    "[{},\xff]",
)


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
@pytest.mark.parametrize("text", NO_LISTS)
def test_what_is_no_list_of_objects_is_refused(tmp_path: Path, text: str, chunk: int) -> None:
    (tmp_path / "t.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError):
        list(placed_rows(tmp_path / "t.json", chunk))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, in which small tables are kept too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "WORTH_BYTES", 0)
    return tmp_path / "cache" / "drive" / "data"


def opened(root: Path, caplog: pytest.LogCaptureFixture) -> tuple[Any, str]:
    """The data set, and what was said."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "drive.data"):
        return open_dataset(root, maps=False), caplog.text


def test_kept_indices_are_used_and_made_anew(one_scene: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, said = opened(one_scene, caplog)
    assert "made for the first time" in said and str(cache) in said
    (folder,) = cache.iterdir()
    again, said = opened(one_scene, caplog)
    assert not said and isinstance(again._tables["sample_annotation.at"], np.ndarray)
    assert not list(differences(first[3], again[3]))
    with edit(one_scene, "sample_annotation") as rows:
        rows[0]["translation"][2] += 0.5
    changed, said = opened(one_scene, caplog)
    assert "anew, since sample_annotation.json changed" in said
    assert any(differences(first[i], changed[i]) for i in range(len(first)))
    assert list(cache.iterdir()) == [folder]


@pytest.mark.parametrize("damage", ["bit", "cut", "missing", "head", "format"])
def test_damaged_indices_are_made_anew(one_scene: Path, cache: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    first, _ = opened(one_scene, caplog)
    (folder,) = cache.iterdir()
    path = folder / ("kept.json" if damage in ("head", "format") else "sample_data.at.npy")
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "format":
        path.write_text(json.dumps({**json.loads(data), "format": -1}))
    else:
        data[len(data) // 2] ^= 16
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else {"head": b'{"x"'}.get(damage, bytes(data)))
    again, said = opened(one_scene, caplog)
    assert "made anew" in said and not list(differences(first[0], again[0]))
    assert not opened(one_scene, caplog)[1]


def test_where_nothing_can_be_kept_all_works_and_says_so(
    one_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(index, "WORTH_BYTES", 0)
    dataset, said = opened(one_scene, caplog)
    assert "cannot be kept" in said and len(list(dataset)) == 14


def test_small_tables_are_not_kept(one_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert len(open_dataset(one_scene, maps=False)) == 14 and not (tmp_path / "cache").exists()


def test_tables_rewritten_under_an_open_data_set_are_refused(one_scene: Path) -> None:
    dataset = open_dataset(one_scene, maps=False)
    time.sleep(0.01)
    with edit(one_scene, "ego_pose") as rows:
        rows[0]["translation"][0] += 1
    with pytest.raises(ValueError, match=r"ego_pose.json changed since it was opened"):
        dataset[0]


def test_a_copy_in_another_process_reads_the_same(one_scene: Path) -> None:
    dataset = open_dataset(one_scene, maps=False)
    assert not list(differences(dataset[5], pickle.loads(pickle.dumps(dataset))[5]))  # noqa: S301


@pytest.mark.parametrize("table", ["sample", "sample_data", "ego_pose", "sample_annotation", "instance", "category"])
def test_a_token_in_two_rows_is_refused(one_scene: Path, table: str) -> None:
    with edit(one_scene, table) as rows:
        used = {row["ego_pose_token"] for row in json.loads((one_scene / VERSION / "sample_data.json").read_text()) if row["is_key_frame"]}
        rows.append(dict(next(row for row in rows if table != "ego_pose" or row["token"] in used)))
    with pytest.raises(ValueError, match=f"{table}.json: .*more than one row"):
        open_dataset(one_scene)


def scene_numbers(root: Path) -> dict[str, int]:
    return {row["name"]: number for number, row in enumerate(json.loads((root / VERSION / "scene.json").read_text()))}


def test_verdicts_are_what_opening_says(mini: Path, tmp_path: Path) -> None:
    """A scene of a copy is damaged: it alone is not sound, it alone is refused, with the message of rows judged anew."""
    import shutil

    root = Path(shutil.copytree(mini, tmp_path / "copy", ignore=shutil.ignore_patterns("samples")))
    assert load_tables(root, VERSION)["scene.sound"].all()
    with edit(root, "sample") as samples:
        scene = samples[0]["scene_token"]
        here = {row["token"] for row in samples if row["scene_token"] == scene}
    with edit(root, "sample_annotation") as rows:
        wrong = [row for row in rows if row["sample_token"] in here]
        for row in wrong:
            row["translation"] = [v * 1000 for v in row["translation"]]
    tables = load_tables(root, VERSION)
    names = {row["token"]: row["name"] for row in tables.scene}
    assert [name for name, sound in zip(names.values(), tables["scene.sound"], strict=True) if not sound] == [names[scene]]
    devkit: Any = DevkitTables(root)
    for chosen in (None, names[scene]):
        with pytest.raises(ValueError) as ours:
            open_dataset(root, split=chosen, maps=False)
        with pytest.raises(ValueError) as theirs:
            NuScenesDataset(devkit, list(names.values()) if chosen is None else [chosen], Window(), None, True, "poses", maps=False)
        assert str(ours.value) == str(theirs.value)
    others = [name for token, name in names.items() if token != scene]
    assert open_dataset(root, split=others, maps=False).scenes == tuple(others)


def test_scenes_that_share_rows_are_judged_together(mini: Path, tmp_path: Path) -> None:
    import shutil

    root = Path(shutil.copytree(mini, tmp_path / "copy", ignore=shutil.ignore_patterns("samples")))
    with edit(root, "sample_annotation") as rows, edit(root, "sample") as samples:
        scene = {row["token"]: row["scene_token"] for row in samples}
        other = next(row for row in rows if scene[row["sample_token"]] != scene[rows[0]["sample_token"]])
        other["instance_token"] = rows[0]["instance_token"]
    tables = load_tables(root, VERSION)
    unsound = {row["token"] for row, sound in zip(tables.scene, tables["scene.sound"], strict=True) if not sound}
    assert unsound == {scene[other["sample_token"]], scene[rows[0]["sample_token"]]}


def test_a_mask_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("drive.data.nuscenes.maps.MASK_WORTH_BYTES", 0)
    rng = np.random.default_rng(0)
    mask = np.kron(rng.integers(0, 2, (40, 57)), np.ones((25, 23))).astype(np.uint8)
    mask[300:800, 500:1100] = 1
    cv2.imwrite(str(tmp_path / "m.png"), mask * 255)
    poses = [np.array([*rng.uniform(-20, 150, 2), rng.uniform(-3, 3)]) for _ in range(20)]
    first = [MaskMap(tmp_path / "m.png").patch(pose) for pose in poses]
    monkeypatch.setattr("drive.data.nuscenes.maps._decoded", None)
    again = MaskMap(tmp_path / "m.png")
    assert not list(differences(first, [again.patch(pose) for pose in poses]))
    assert any(patch.polygons["drivable_area"] for patch in first)
    padded = np.pad(mask, 4000)
    for top, left in rng.integers(-1500, 2500, (200, 2)):
        assert np.array_equal(again._window(top, top + 700, left, left + 900), padded[top + 4000 :, left + 4000 :][:700, :900])


def test_what_is_kept_of_files_that_change_meanwhile_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "source"
    source.write_text("a")

    def make() -> keeping.Kept:
        source.write_text("ab")
        return keeping.Kept({"x": np.arange(3)}, {"of": "a"})

    assert keeping.kept("test", [source], make, 0).facts == {"of": "a"}
    assert not (tmp_path / "cache").exists()


def test_many_names_resolve_as_one_by_one(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "f").write_text("")
    (root / "in").symlink_to("a")
    (root / "out").symlink_to(tmp_path)
    (root / "a" / "back").symlink_to("f")
    (root / "a" / "away").symlink_to(tmp_path / "secret")
    (tmp_path / "home").symlink_to(root / "a" / "f")
    names = ("a/f", "f", "a/none/f", "in/f", "in/b/x", "a//f", "a/./f", "./a/f", "a/", "a/.", "a/..", "../x", "/etc/x", "", "a/\0", "a\0/f",
             "out/secret", "out/home", "out/g", "a/back", "a/away", "in/away", "in/back", "out/root/a/f")  # fmt: skip
    many = Inside(root)
    for name in (*names, *names):
        try:
            expected: object = inside(root, name)
        except ValueError as error:
            expected = str(error)
        try:
            found: object = many(name)
        except ValueError as error:
            found = str(error)
        assert found == expected, name
