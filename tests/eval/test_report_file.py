"""The one report writer: whole or not at all, whatever the values are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from drive.eval.report_file import write_json
from drive.outputs import OutputError


def test_every_value_finds_a_way_into_json(tmp_path: Path) -> None:
    """No row is lost because another holds NaN or a path."""
    row = {"value": math.nan, "low": np.float64(0.5), "n": np.int64(3), "ok": np.bool_(True), "path": tmp_path, "more": (1, {2: -math.inf})}
    path = write_json(tmp_path / "deep" / "er", "test", {"rows": [row], "array": np.arange(2)})
    data = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    told = {"value": None, "low": 0.5, "n": 3, "ok": True, "path": str(tmp_path), "more": [1, {"2": None}]}
    assert data == {"schema": 1, "command": "test", "rows": [told], "array": [0, 1]}
    assert data["rows"][0]["ok"] is True


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path, "test", {"rows": [1]})

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_json(tmp_path, "test", {"rows": [2]})
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_file_in_the_folders_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="a file stands where a folder belongs"):
        write_json(tmp_path / "out", "test", {})
