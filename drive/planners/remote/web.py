"""A planner behind HTTP: one connection that is kept, every wait on it limited."""

from __future__ import annotations

import re
import select
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from drive.planners.remote.channel import Channel, Clock, Ended
from drive.planners.remote.drive_client import CONTENT, WireError, read_message
from drive.planners.remote.process import REPLY_LIMIT

HEAD_LIMIT = 1 << 16
CONNECT_S = 10.0
STATUS = re.compile(r"HTTP/1\.([01]) (\d{3}.*)")
SIZE = re.compile(r"\d{1,9}")


class Web:
    """url: http://HOST:PORT."""

    what = "connection"

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 80
        except ValueError as error:
            raise ValueError(f"{url}: {error}; expected http://HOST:PORT") from error
        if parts.scheme != "http" or not host or not url.isascii() or parts.username or parts.query:
            raise ValueError(f"expected http://HOST:PORT, got {url!r}")
        self.url, self.address, self.path, self.host = url, (host, port), parts.path or "/", parts.netloc
        self.socket: socket.socket | None = None
        self.kept, self.rest = True, b""

    @property
    def alive(self) -> bool:
        """Whether there is a connection that the server did not close while nothing was asked."""
        if self.socket is None:
            return False
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return self.kept and not poll.poll(0)

    def open(self) -> None:
        """Connects anew. Raises Ended."""
        self.close()
        try:
            self.socket = socket.create_connection(self.address, CONNECT_S)
        except OSError as error:
            raise Ended(f"does not answer ({error.strerror or error})") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.channel, self.kept, self.rest = Channel(self.socket.fileno(), self.socket.fileno()), True, b""

    def exchange(self, buffers: list[Any], clock: Clock) -> dict[str, Any]:
        """A message and its answer. Raises Ended, TimedOut and WireError."""
        fields = f"Host: {self.host}\r\nContent-Type: {CONTENT}\r\nContent-Length: {sum(map(len, buffers))}"
        self.channel.write([f"POST {self.path} HTTP/1.1\r\n{fields}\r\n\r\n".encode(), *buffers], clock)
        status, size = self._answer_head(clock)
        if not status.startswith("200"):
            told = bytes(self._read(min(size, 500), clock)).decode("utf-8", "replace")
            raise WireError(f"answers with HTTP status {status}: {' '.join(told.split())}")
        left = size

        def read(count: int) -> bytearray:
            nonlocal left
            left -= count
            if left < 0:
                raise WireError(f"a message that is longer than its Content-Length of {size}")
            return self._read(count, clock)

        message = read_message(read, REPLY_LIMIT)
        if left:
            raise WireError(f"{left} bytes behind the message")
        return message

    def _answer_head(self, clock: Clock) -> tuple[str, int]:
        """(status and reason, length of what follows)."""
        data = self.rest
        while b"\r\n\r\n" not in data:
            if len(data) > HEAD_LIMIT:
                raise WireError(f"no HTTP answer: {data[:80]!r}")
            data += self.channel.some(HEAD_LIMIT, clock)
        text, _, self.rest = data.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        if (answer := STATUS.fullmatch(first)) is None:
            raise WireError(f"no HTTP answer: {first[:80]!r}")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.kept = fields.get("connection", "keep-alive" if answer[1] == "1" else "close").lower() != "close"
        if SIZE.fullmatch(size := fields.get("content-length", "")) is None:
            raise WireError(f"an HTTP answer ({answer[2]}) without a Content-Length of at most nine digits, got {size[:20]!r}")
        return answer[2], int(size)

    def _read(self, size: int, clock: Clock) -> bytearray:
        data, self.rest = bytearray(self.rest[:size]), self.rest[size:]
        return data + self.channel.read(size - len(data), clock) if len(data) < size else data

    def lost(self, error: Exception) -> str:
        """Closes the connection -> what happened."""
        self.close()
        return f"the server at {self.url} {'closed the connection' if str(error) == 'ended' else f'failed: {error}'}"

    def close(self, wait_s: float = 0.0) -> None:
        """Ends the connection."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.close()
        self.socket = None
