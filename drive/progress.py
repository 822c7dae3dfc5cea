"""How far a long piece of work is, told on stderr: a running line on a terminal, a line now and then elsewhere.

Functions that take long have a parameter `progress: Progress = SILENT` and call `begin` before each part of their work, `done` after
each thing of it, and the progress itself with lines that are to stay.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

TERMINAL_EVERY_S = 0.5
FIRST_LINE_S = 2.0  # whatever takes less is over before a line about it is read
LINE_EVERY_S = 30.0


class Progress:
    """What is being done, how many of how many are done, and how long the rest will take. stream: stderr where None. quiet: says
    nothing. A thread keeps telling the time, so that a long silence of the work is not taken for its death."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet, self.terminal = quiet, self.stream.isatty()
        self.what, self.total, self.count = "", 0, 0
        self.began = self.told = 0.0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, what: str, total: int = 0) -> None:
        """The next part of the work: `what` is done to `total` things, or for an unknown time where 0."""
        if self.quiet:
            return
        with self._lock:
            self._wipe()
            self.what, self.total, self.count, self.began = what, total, 0, time.monotonic()
            self.told = self.began + FIRST_LINE_S - LINE_EVERY_S
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_telling, daemon=True)
            self._thread.start()

    def done(self, count: int = 1) -> None:
        """So many more things are done."""
        self.count += count

    def __call__(self, line: str) -> None:
        """A line that stays."""
        if self.quiet:
            return
        with self._lock:
            self._wipe()
            print(line, file=self.stream, flush=True)

    def end(self) -> None:
        """The work is over: nothing is told any more until the next `begin`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._stop.clear()
            with self._lock:
                self._wipe()
        self.what = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.end()

    def line(self) -> str:
        """For example: "driving: 12 of 40, 2 min so far, about 5 min left"."""
        so_far = time.monotonic() - self.began
        parts = [f"{self.count} of {self.total}"] if self.total else []
        parts.append(f"{duration(so_far)} so far")
        if 0 < self.count < self.total:
            parts.append(f"about {duration(so_far / self.count * (self.total - self.count))} left")
        return f"{self.what}: {', '.join(parts)}"

    def _keep_telling(self) -> None:
        while not self._stop.wait(TERMINAL_EVERY_S):
            with self._lock:
                now = time.monotonic()
                if self.terminal and now - self.began >= TERMINAL_EVERY_S:
                    width = shutil.get_terminal_size().columns
                    print(f"\r\x1b[2K{self.line()[: width - 1]}", end="", file=self.stream, flush=True)
                elif not self.terminal and now - self.told >= LINE_EVERY_S:
                    print(self.line(), file=self.stream, flush=True)
                    self.told = now

    def _wipe(self) -> None:
        """Take the running line off the terminal."""
        if self.terminal and self.what:
            print("\r\x1b[2K", end="", file=self.stream, flush=True)


SILENT = Progress(quiet=True)


class Lines:
    """A stream for bars that draw over their own line: each state is a line of its own, for wherever there is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Writes what is to be seen of the text, at once."""
        if text.strip():
            print(text.strip(), file=self.stream, flush=True)
        return len(text)

    def flush(self) -> None:
        """Every line is flushed already."""


def duration(seconds: float) -> str:
    """For people: "8 s", "3 min", "2 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
