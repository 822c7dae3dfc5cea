"""Large tables are indexed by compiled code: the same index and the same verdicts as row by row, whatever the rows hold."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from break_conventions import CONVENTIONS, Set, broken, read
from hypothesis import given
from hypothesis import strategies as st

from drive.data.nuscenes import index
from drive.data.nuscenes.index import load_tables
from drive.data.nuscenes.index.build import build
from drive.data.nuscenes.index.certain import surely_sound
from drive.data.nuscenes.index.lookup import TABLES, IndexedTables
from drive.data.nuscenes.index.number_kernel import integers, numbers
from drive.data.nuscenes.index.row_kernel import key_bytes, pick
from drive.data.nuscenes.index.texts import Texts, texts_of
from drive.data.nuscenes.index.verdicts import verdicts
from drive.data.nuscenes.tables import find_version
from tools.make_tables import make_tables

FIELDS = ("token", "of")
Change = Callable[[dict[str, list[dict]]], None]


def flat(path: Path, fields: tuple[str, ...], flag: str, compiled: bool, chunk: int) -> list[tuple]:
    """What `texts_of` yields, a tuple a row; where it raises, that alone."""
    rows: list[tuple] = []
    try:
        for at, size, columns in texts_of(path, fields, flag, compiled, chunk):
            rows += zip(at, size, *columns, strict=True)
    except (KeyError, ValueError) as error:
        return [(type(error), str(error))]
    return rows


ODD_TEXTS = st.one_of(st.text(max_size=4), st.sampled_from(["a}", "{", '"', "\\", "é", '"token": "x"', "[", ",", "]"]))
ROWS = st.lists(
    st.fixed_dictionaries(
        {"token": ODD_TEXTS, "of": st.one_of(ODD_TEXTS, st.just("plain"))},
        optional={
            "use": st.booleans(),
            "list": st.lists(st.one_of(st.integers(), ODD_TEXTS), max_size=3),
            "deep": st.dictionaries(st.sampled_from(["token", "use"]), st.booleans()),
            "tok": st.none(),
        },
    )
)


@given(ROWS, st.integers(1, 60), st.sampled_from([None, 0, 2]), st.booleans(), st.sampled_from(["", "use"]))
def test_texts_by_the_kernel_are_those_row_by_row(
    tmp_path_factory: Any, rows: list, chunk: int, indent: Any, ascii_: bool, flag: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "texts.json"
    path.write_bytes(json.dumps(rows, indent=indent, ensure_ascii=ascii_).encode("utf-8", "replace"))
    assert flat(path, FIELDS, flag, True, chunk) == flat(path, FIELDS, flag, False, chunk)


HAND_WRITTEN = (
    ('[{"token" :\t"a", "of":"b","use": true}]', 1),
    ('[{"use":false}, {"token": "a", "of": "b", "use": true} ]\n', 1),
    ('[{"token": "a", "token": "c", "of": "b", "use": true}]', 1),
    ('[{"token": "a", "of": "b", "use": true, "more": {"use": false}}]', 1),
    ('[{"token": "a", "of": "use", "x": ["token", "of"], "use": true}]', 1),
    ('[{"token": "a}", "of": "{b", "use": true}, {"token": "\\u0061", "of": "b", "use": true}]', 2),
    ('[{"token": "a", "of": "b", "use": 1}, {"token": "a", "of": "b", "use": 0}]', 1),
    ("[]", 0),
)


@pytest.mark.parametrize(("text", "count"), HAND_WRITTEN)
@pytest.mark.parametrize("compiled", [False, True])
def test_rows_of_known_texts(tmp_path: Path, text: str, count: int, compiled: bool) -> None:
    (tmp_path / "t.json").write_text(text)
    found = [row[2:] for chunk in (1, 7, 1000) for row in flat(tmp_path / "t.json", FIELDS, "use", compiled, chunk)]
    whole = [row for row in json.loads(text) if row["use"]]
    assert found == 3 * [(row["token"], row["of"]) for row in whole] and len(whole) == count


NO_LISTS = ("", "[", "{}", "[1]", "[{}", '[{"token": "a", "of": "b"},]', '[{"token": "a", "of": "b"}] x', '[{"token": "a", "of": "b"}{}]')


@pytest.mark.parametrize("text", [*NO_LISTS, '[{"token": "a"}]', '[{"token": "a", "of": "b"}, {"token": "a}'])
def test_what_is_no_list_of_such_rows_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    by_rows, by_kernel = (flat(tmp_path / "t.json", FIELDS, "", compiled, 5) for compiled in (False, True))
    assert all(issubclass(kind, KeyError | ValueError) for (kind, _), *more in (by_rows, by_kernel) if not more)


def test_more_rows_than_a_batch_holds(tmp_path: Path) -> None:
    rows = [{"token": f"{n:x}", "of": "y" * (n % 7), "use": n % 3 > 0} for n in range(30_000)]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    found = flat(tmp_path / "t.json", FIELDS, "use", True, 1 << 22)
    assert found == flat(tmp_path / "t.json", FIELDS, "use", False, 1 << 22) and len(found) == 20_000
    assert max(len(texts.at) for texts in texts_of(tmp_path / "t.json", ("token",), compiled=True)) < 10_000
    assert isinstance(next(texts_of(tmp_path / "t.json", ("token",), compiled=True)), Texts)


def place_of(value: str) -> tuple[np.ndarray, np.ndarray]:
    """A row with a value as `value`, and where that lies."""
    text = np.frombuffer(f'{{"value": {value}, "other": 1}}'.encode(), np.uint8)
    found = np.array([[0, len(text), 0, 0]])
    return text, np.ascontiguousarray(found[:, 2:]) if pick(text, *key_bytes(("value",)), found) else np.zeros((1, 2), np.int64)


@given(st.lists(st.one_of(st.floats(-1e300, 1e300), st.integers(-(10**20), 10**20)), min_size=3, max_size=3))
def test_numbers_are_read_nearly_to_the_last_place(values: list[float]) -> None:
    found = np.empty((1, 3))
    assert numbers(*place_of(json.dumps(values)), found)
    for ours, right in zip(found[0], values, strict=True):
        usual = right == 0 or 1e-6 < abs(right) < 1e21
        assert math.isclose(ours, right, rel_tol=5e-16 if usual else 1e-13, abs_tol=1e-200)


LISTS = (
    *("1", "[]", "[1, 2]", "[1, 2, 3, 4]", "[1, 2, 3,]", "[1, 2 3]", "[1, 2, NaN]", "[1, 2, -Infinity]", "[1, 2, 03]", "[1, 2, 3.]"),
    *("[1, 2, .3]", "[1, 2, 3e]", "[1, 2, +3]", "[1, 2, [3]]", "[1, 2, null]", '"[1, 2, 3]"'),
)


@pytest.mark.parametrize("value", LISTS)
def test_other_lists_are_no_three_numbers(value: str) -> None:
    assert not numbers(*place_of(value), np.empty((1, 3)))


KNOWN = {"0": 0, "1532402927647951": 1532402927647951, "9" * 18: 10**18 - 1}
OTHERS = ("9" * 19, "01", "-1", "1.0", "1e3", '"1"', "true", "[1]")


@pytest.mark.parametrize(("value", "number"), [*KNOWN.items(), *((text, None) for text in OTHERS)])
def test_whole_numbers(value: str, number: int | None) -> None:
    found = np.empty(1, np.int64)
    text, places = place_of(value)
    assert integers(text, places, found) == (number is not None)
    assert number is None or found[0] == number


def indexed(root: Path) -> tuple[IndexedTables, dict[str, np.ndarray]]:
    """A folder's tables and all arrays of their index; fails where compiled code makes others."""
    version = find_version(root, None)
    files = {table: root / version / f"{table}.json" for table in TABLES}
    by_rows, by_kernel = build(files), build(files, compiled=True)
    tables = IndexedTables(root, version, files, by_rows)
    by_rows.arrays.update(verdicts(tables))
    by_kernel.arrays.update(verdicts(tables, compiled=True))
    assert by_rows.arrays.keys() == by_kernel.arrays.keys() and by_rows.facts == by_kernel.facts
    for name, array in by_rows.arrays.items():
        assert array.dtype == by_kernel.arrays[name].dtype and np.array_equal(array, by_kernel.arrays[name]), name
    return tables, by_rows.arrays


def sure(tables: IndexedTables) -> list[bool]:
    names = [row["name"] for row in tables.rows("category", range(tables.count("category")))]
    return [surely_sound(tables, number, names) is not None for number in range(len(tables.scene))]


def test_the_index_is_the_same_and_sound_scenes_are_not_doubted(mini: Path, embedded: Path, tmp_path: Path) -> None:
    make_tables(tmp_path / "made", scenes=2)
    for root in (mini, embedded, tmp_path / "made"):
        tables, arrays = indexed(root)
        assert arrays["scene.sound"].all() and all(sure(tables))


@pytest.mark.real
@pytest.mark.parametrize("name", ["nuscenes-mini", "pandaset-002"])
def test_the_index_of_real_tables_is_the_same(real_data: Path, name: str) -> None:
    tables, arrays = indexed(real_data / name)
    assert arrays["scene.sound"].all() and all(sure(tables))


@pytest.fixture(scope="module")
def two_scenes(embedded: Path) -> Set:
    """The tables of two scenes, cut to seven key frames each."""
    tables = {name: list(rows) for name, rows in read(embedded)[0].items()}
    tables["scene"] = tables["scene"][1:3]
    kept = {row["token"] for scene in tables["scene"] for row in [r for r in tables["sample"] if r["scene_token"] == scene["token"]][:7]}
    tables["sample"] = [row for row in tables["sample"] if row["token"] in kept]
    for name in ("sample_data", "sample_annotation"):
        tables[name] = [row for row in tables[name] if row["sample_token"] in kept]
    for name in ("sample", "sample_data", "sample_annotation"):
        tokens = {row["token"] for row in tables[name]}
        tables[name] = [row | {way: row[way] if row[way] in tokens else "" for way in ("prev", "next")} for row in tables[name]]
    of = {"ego_pose": "sample_data", "calibrated_sensor": "sample_data", "instance": "sample_annotation"}
    for name, user in of.items():
        used = {row[f"{name}_token"] for row in tables[user]}
        tables[name] = [row for row in tables[name] if row["token"] in used]
    return tables


def written(root: Path, tables: Set) -> Path:
    (root / "v1.0-mini").mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (root / "v1.0-mini" / f"{name}.json").write_text(json.dumps(rows))
    return root


@pytest.mark.parametrize("seed", [None, 1])
def test_scenes_of_another_convention_are_never_trusted(two_scenes: Set, tmp_path: Path, seed: int | None) -> None:
    known = 0
    for convention in CONVENTIONS:
        if not (convention.whole if seed is None else convention.one):
            continue
        tables, arrays = indexed(written(tmp_path / "set", broken(two_scenes, convention, seed)[0]))
        known += not arrays["scene.sound"].all()
        assert all(sound or not trusted for sound, trusted in zip(arrays["scene.sound"], sure(tables), strict=True)), convention.name
    assert known >= 25


LIST_VALUES = ([], [0.0], [0.0] * 3, [0.0] * 4, [None] * 3, [[1.0, 2.0, 3.0]])
VALUES = (None, True, "", "x", "a\\n", "{}", -1, 0, 1, 2**70, 1e400, math.nan, {"a": 1}, *LIST_VALUES)
JUDGED = ("sample", "sample_data", "ego_pose", "calibrated_sensor", "sample_annotation")


def changed(tables: Set, rng: random.Random) -> tuple[Set, str]:
    """A copy with a field of one row that is something else, a little larger or smaller, or not there; and what."""
    name = rng.choice(JUDGED)
    row = rng.randrange(len(tables[name]))
    rows = list(tables[name])
    rows[row] = copy.deepcopy(rows[row])
    field, way = rng.choice(sorted(rows[row])), rng.choice(["other", "scaled", "scaled", "moved", "without"])
    value = rows[row][field]
    if way == "without":
        del rows[row][field]
    elif way != "other" and isinstance(value, list) and value and isinstance(value[0], float):
        by = 10 ** rng.uniform(-4, 4)
        place = rng.randrange(len(value))
        rows[row][field][place] = value[place] * by if way == "scaled" else value[place] + rng.choice([-1, 1]) * by
    else:
        rows[row][field] = rng.choice([*VALUES, tables[name][row - 1].get(field)])
    return {**tables, name: rows}, f"{name}.{field} of row {row}: {value!r} -> {rows[row].get(field)!r}"


def test_whatever_a_field_holds_the_verdicts_are_the_same(two_scenes: Set, tmp_path: Path) -> None:
    rng, found = random.Random(3), []
    for _ in range(50):
        tables, what = changed(two_scenes, rng)
        root = written(tmp_path / "set", tables)
        try:
            _, arrays = indexed(root)
        except (KeyError, ValueError, TypeError, OverflowError, AttributeError):
            found.append("refused")
            with pytest.raises(ValueError):
                load_tables(root, "v1.0-mini")
            continue
        except AssertionError as error:
            raise AssertionError(what) from error
        found.append("sound" if arrays["scene.sound"].all() else "unsound")
    assert all(found.count(kind) > 4 for kind in ("refused", "sound", "unsound")), found


def test_large_tables_are_read_by_compiled_code(two_scenes: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, asked = written(tmp_path / "set", two_scenes), []
    monkeypatch.setattr(index, "build", lambda files, compiled: asked.append(compiled) or build(files, compiled))
    load_tables(root, "v1.0-mini")
    monkeypatch.setattr(index, "COMPILED_BYTES", 1000)
    assert load_tables(root, "v1.0-mini")["scene.sound"].all() and asked == [False, True]
