"""A planner as a child process: messages on its standard input and output, its last words on standard error kept."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from drive.planners.remote.channel import Channel, Clock, Ended, TimedOut
from drive.planners.remote.drive_client import PIPE, read_message

REPLY_LIMIT = 1 << 26
LAST_LINES, LINE = 6, 300
NEVER_SERVED = " before it answered anything: a planner's script must call drive_client.serve(Planner()), which goes on answering"
END_S = 2.0  # from the end of its input to its own end, before it is killed
# Linux kills the child with the thread that started it, however that ends: said by the child itself before it becomes the command.
LEASH = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.getppid() == int(sys.argv[1]) or os._exit(1); "
LEASH += "os.execvp(sys.argv[2], sys.argv[2:])"


class Process:
    """command: as in a shell, without a shell's doings; it runs in the current folder, with the current environment."""

    what = "process"

    def __init__(self, command: str) -> None:
        try:
            self.command = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"exec:{command}: {error}") from error
        if not self.command or shutil.which(self.command[0]) is None:
            raise ValueError(
                f"no command {self.command[0] if self.command else ''!r}: expected exec:COMMAND, as in exec:python my_planner.py"
            )
        self.child: subprocess.Popen[bytes] | None = None
        self.words: deque[str] = deque(maxlen=LAST_LINES)
        self.answered = False  # since it was started

    @property
    def alive(self) -> bool:
        """Whether it was started and not lost since."""
        return self.child is not None

    def open(self) -> None:
        """Starts it."""
        self.words.clear()
        self.answered = False
        leashed = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
        leash = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid())] if leashed else []
        pipe, environment = subprocess.PIPE, {**os.environ, PIPE: "1"}
        self.child = subprocess.Popen(
            [*leash, *self.command], stdin=pipe, stdout=pipe, stderr=pipe, env=environment, bufsize=0, start_new_session=True
        )
        child = self.child
        assert child.stdin and child.stdout
        self.channel = Channel(child.stdout.fileno(), child.stdin.fileno(), lambda: child.poll() is not None)
        self.listener = threading.Thread(target=_listen, args=(self.child.stderr, self.words), daemon=True)
        self.listener.start()

    def exchange(self, buffers: list[Any], clock: Clock) -> dict[str, Any]:
        """A message and its answer. Raises Ended, TimedOut and WireError."""
        self.channel.write(buffers, clock)
        answer = read_message(lambda size: self.channel.read(size, clock), REPLY_LIMIT)
        self.answered = True
        return answer

    def lost(self, error: Exception) -> str:
        """Ends it -> what happened, and what it said last."""
        if self.child is None:
            return f"it does not start: {error}"
        how = str(error)
        if isinstance(error, Ended):
            try:
                code = self.child.wait(END_S)
                how = _exit_words(code) + (NEVER_SERVED if code == 0 and not self.answered else "")
            except subprocess.TimeoutExpired:
                how = "closed its end of the pipe"
        elif isinstance(error, TimedOut):
            how = f"gave {error}" + (f", after {self.channel.part!r}, which is no message" if self.channel.part else "")
        else:
            how = f"answered with {error}"
        self.close(0.0)
        said = " | ".join(self.words)
        return f"its process {how}" + (f"; it said last: {said}" if said else "; it said nothing on standard error")

    def close(self, wait_s: float = END_S) -> None:
        """Ends its input, and after some time itself and what it started."""
        child, self.child = self.child, None
        if child is None:
            return
        assert child.stdin and child.stdout
        with suppress(OSError):
            child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(wait_s)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        self.listener.join(END_S)


def _listen(stream: Any, words: deque[str]) -> None:
    """Keeps the last lines; progress bars, which go back to the line's beginning, are one line."""
    with suppress(OSError, ValueError), stream:
        rest = b""
        while data := os.read(stream.fileno(), 1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            words.extend(filter(None, map(_text, lines)))
            rest = rest[-4 * LINE :]
        words.extend(filter(None, [_text(rest)]))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip().rpartition("\r")[2].strip()[-LINE:]


def _exit_words(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"ended with status {code}"
