"""docs/extending.md in a copy of the package: its files and lines are all that changes, its snippets print what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[-+]?\d+\.?\d*")
Block = tuple[str, str, str]


def _blocks(language: str, headed: bool) -> list[Block]:
    found = BLOCK.findall((ROOT / "docs" / "extending.md").read_text())
    return [block for block in found if block[0] == language and bool(block[1]) == headed]


def _hunks(diff: str) -> list[tuple[str, str]]:
    """What each hunk finds, and what it puts there."""
    hunks = []
    for hunk in diff.split("@@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        assert all(line[0] in " +" for line in lines), f"an addition takes nothing away:\n{hunk}"
        hunks.append(("".join(line[1:] for line in lines if line[0] == " "), "".join(line[1:] for line in lines)))
    return hunks


def _add(copy: Path) -> None:
    for _, path, text in _blocks("python", headed=True):
        assert not (copy / path).exists()
        (copy / path).write_text(text)
    for _, path, diff in _blocks("diff", headed=True):
        _exchange(copy / path, _hunks(diff))


def _remove(copy: Path) -> None:
    for _, path, _ in _blocks("python", headed=True):
        (copy / path).unlink()
    for _, path, diff in _blocks("diff", headed=True):
        _exchange(copy / path, [(new, old) for old, new in _hunks(diff)])


def _exchange(path: Path, hunks: list[tuple[str, str]]) -> None:
    text = path.read_text()
    for old, new in hunks:
        assert text.count(old) == 1, f"{path.name} holds {text.count(old)} times:\n{old}"
        text = text.replace(old, new)
    path.write_text(text)


def _sources(package: Path) -> dict[str, bytes]:
    return {str(path.relative_to(package.parent)): path.read_bytes() for path in package.rglob("*.py")}


def _print(copy: Path) -> str:
    script = "\n".join(text for *_, text in _blocks("python", headed=False))
    env = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=copy, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _assert_says(printed: str, page: str) -> None:
    """The same words, and numbers as near as training on another processor comes."""
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", page)
    assert [float(x) for x in NUMBER.findall(printed)] == pytest.approx([float(x) for x in NUMBER.findall(page)], abs=0.2)


def test_a_task_a_sensor_and_an_objective_are_a_file_and_a_line_each(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "drive", tmp_path / "drive", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data").symlink_to(ROOT / "data")
    before = _sources(ROOT / "drive")
    _add(tmp_path)
    after = _sources(tmp_path / "drive")
    assert {path for path in after if after[path] != before.get(path)} == {
        "drive/tasks/lane_offset.py",
        "drive/tasks/__init__.py",
        "drive/model/sensors/yaw_rate.py",
        "drive/model/sensors/__init__.py",
        "drive/train/objectives/label_smoothing.py",
        "drive/train/objectives/__init__.py",
        "drive/config/objectives.py",
    }
    _assert_says(_print(tmp_path), "".join(text for *_, text in _blocks("text", headed=False)))
    _remove(tmp_path)
    assert _sources(tmp_path / "drive") == before
