"""Being asked to stop: Ctrl-C, SIGTERM and a closed terminal end the current step first, so that it can be saved whole."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """Training was asked to stop; its state is saved, and the same command goes on. exit_status: as shells have it, 128 + signal."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_status = 128 + number


class Stop:
    """number: the signal that came first, 0 = none."""

    number = 0


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Within, a signal only sets `Stop.number`: a half-done update could not be repeated, a half-done save would be lost."""
    stop = Stop()

    def handler(number: int, _: Any) -> None:
        stop.number = stop.number or number

    before: dict[signal.Signals, Any] = {}
    try:
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup's wish
                before[number] = signal.signal(number, handler)
    except ValueError:  # not in the main thread, which alone receives signals
        pass
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)
