"""Reading and writing within a time limit, whatever the other side does."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from typing import Any

from drive.pool import alive

TICK_S = 0.5
CHUNK = 1 << 20
SHOWN = 80


class Ended(Exception):
    """The other side is gone."""


class TimedOut(Exception):
    """The other side took too long."""


class Clock:
    """Seconds that are left; of a stretch in which this process itself was halted (Ctrl-Z, a closed lid) two ticks count."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s, self.left_s, self.before = limit_s, limit_s, time.monotonic()

    def ready(self, fd: int, event: int) -> bool:
        """Whether the descriptor can be read or written, after a tick at most. Raises TimedOut."""
        poll = select.poll()
        poll.register(fd, event)
        found = bool(poll.poll(1000 * max(0.0, min(TICK_S, self.left_s))))
        now = time.monotonic()
        self.left_s, self.before = self.left_s - min(now - self.before, 2 * TICK_S), now
        if not found and self.left_s <= 0:
            raise TimedOut(f"no answer within {self.limit_s:g} s")
        return found


class Channel:
    """Two descriptors, or twice the same one, made non-blocking. gone: whether the other side is no more, though somebody else may hold
    its descriptors. part: what came last of something not yet whole."""

    def __init__(self, source: int, sink: int, gone: Callable[[], bool] = lambda: False) -> None:
        self.source, self.sink, self.gone, self.part = source, sink, gone, b""
        os.set_blocking(source, False)
        os.set_blocking(sink, False)

    def write(self, buffers: Iterable[Any], clock: Clock) -> None:
        """Raises TimedOut, and Ended where nobody reads any more."""
        for buffer in buffers:
            left = memoryview(buffer)
            while len(left):
                try:
                    left = left[os.write(self.sink, left[:CHUNK]) :]
                except BlockingIOError:
                    self._wait(clock, self.sink, select.POLLOUT)
                except OSError as error:
                    raise Ended(f"takes no more messages ({error.strerror})") from error

    def read(self, size: int, clock: Clock) -> bytearray:
        """Exactly so many bytes; memory grows with what comes, not with what was announced. Raises TimedOut and Ended."""
        data = bytearray()
        while len(data) < size:
            self.part = bytes(data[:SHOWN])
            data += self.some(min(size - len(data), CHUNK), clock)
        self.part = b""
        return data

    def some(self, most: int, clock: Clock) -> bytes:
        """From one byte to so many. Raises TimedOut and Ended."""
        while True:
            try:
                data = os.read(self.source, most)
            except BlockingIOError:
                self._wait(clock, self.source, select.POLLIN)
                continue
            except OSError as error:
                raise Ended(f"gives no more answers ({error.strerror})") from error
            if not data:
                raise Ended("ended")
            return data

    def _wait(self, clock: Clock, fd: int, event: int) -> None:
        gone = False
        while not clock.ready(fd, event):
            alive()
            if gone:
                raise Ended("ended")
            gone = self.gone()  # what it wrote before is still read
