"""What is told of long work: on a terminal, elsewhere, and not at all."""

from __future__ import annotations

import io
import time

import pytest
from tqdm import tqdm

import drive.progress
from drive.progress import SILENT, Lines, Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is 100 times faster."""
    for name in ("TERMINAL_EVERY_S", "FIRST_LINE_S", "LINE_EVERY_S"):
        monkeypatch.setattr(drive.progress, name, getattr(drive.progress, name) / 100)


def test_short_work_says_nothing(quick: None) -> None:
    with Progress(stream := io.StringIO()) as progress:
        progress.begin("short")
    assert stream.getvalue() == ""


def test_a_line_comes_early_and_then_now_and_then_though_the_work_is_silent(quick: None) -> None:
    with Progress(stream := io.StringIO()) as progress:
        progress.begin("drives", 4)
        progress.done()
        time.sleep(0.7)
        progress("a result")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "drives: 1 of 4, 0 s so far, about 0 s left" and lines[-1] == "a result"
    assert 2 <= len(lines) - 1 <= 4


def test_a_terminal_gets_one_running_line_that_is_wiped(quick: None) -> None:
    with Progress(stream := Terminal()) as progress:
        progress.begin("drives", 4)
        time.sleep(0.1)
        progress("a result")
    text = stream.getvalue()
    assert text.startswith("\r\x1b[2K") and "drives: 0 of 4" in text
    assert text.replace("\r\x1b[2K", "\n").strip().splitlines()[-1] == "a result" and text.endswith("\x1b[2K")


def test_time_left_follows_from_the_rate() -> None:
    progress = Progress(io.StringIO())
    progress.what, progress.total, progress.count, progress.began = "drives", 40, 10, time.monotonic() - 600
    assert progress.line() == "drives: 10 of 40, 10 min so far, about 30 min left"


def test_quiet_says_nothing_and_starts_nothing() -> None:
    stream = io.StringIO()
    quiet = Progress(stream, quiet=True)
    quiet.begin("work", 3)
    quiet("a line")
    assert stream.getvalue() == "" and quiet._thread is None and SILENT.quiet


def test_durations_are_for_people() -> None:
    assert [duration(s) for s in (0.4, 99, 101, 3600, 7500)] == ["0 s", "99 s", "2 min", "60 min", "2 h 5 min"]


def test_bars_elsewhere_than_on_a_terminal_are_lines() -> None:
    stream = io.StringIO()
    for _ in tqdm(range(3), desc="fit", file=Lines(stream), mininterval=0, ascii=True):
        pass
    lines = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue() and lines[0].startswith("fit:   0%") and "3/3" in lines[-1]
