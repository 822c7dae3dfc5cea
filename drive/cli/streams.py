"""Standard output and errors while a verb runs: names from data sets and planners cannot steer the terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from drive.words import plain_text


class PlainStream:
    """A text stream through which only plain text passes; carriage returns at the ends of what is written pass too (running lines).
    Characters that the stream's encoding has not are escaped, so that no name ends a run."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Writes the text as `plain_text`; returns its length."""
        start, core = text[: len(text) - len(text.lstrip("\r"))], text.strip("\r")
        end = text[len(start) + len(core) :]
        plain = start + plain_text(core) + end
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(plain.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def plain_streams() -> Iterator[None]:
    """Both standard streams as plain ones."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream if isinstance(stream, PlainStream) else PlainStream(stream) for stream in before)  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
