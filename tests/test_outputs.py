"""Places to write to: probed before the work, named in one line where they cannot be, never half written."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from drive.outputs import OutputError, writable_file, writable_folder, write_whole, writing


def test_a_missing_folder_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    folder = writable_folder(tmp_path / "a" / "b")
    assert folder.is_dir() and list(folder.iterdir()) == []
    assert writable_file(folder / "plans.json") == folder / "plans.json" and list(folder.iterdir()) == []


def test_a_file_where_a_folder_belongs_and_the_reverse(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=r"cannot write .*file.*: a file stands where a folder belongs"):
            writable_folder(path)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(OutputError, match="a folder stands where a file belongs"):
        writable_file(tmp_path)


@pytest.mark.parametrize("path", ["/proc/nowhere/run", "a\0b", "x" * 300])
def test_places_that_take_nothing(tmp_path: Path, path: str) -> None:
    with pytest.raises(OutputError, match="cannot write") as caught:
        writable_folder(tmp_path / path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "told"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not write"), (errno.EIO, "Input")]
)
def test_what_the_system_says_becomes_what_to_do(number: int, told: str) -> None:
    with pytest.raises(OutputError, match=f"cannot write run: .*{told}"), writing("run"):
        raise OSError(number, "Input/output error")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails half way."""
    path = tmp_path / "report.json"
    write_whole(path, "old")
    code = """if True:
        import resource, sys
        from drive.outputs import OutputError, write_whole
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_whole(sys.argv[1], "x" * 5000)
        except OutputError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=60)
    assert "ulimit -f" in done.stdout
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["report.json"]
