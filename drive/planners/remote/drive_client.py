"""A planner in an environment of its own, or your simulator with a planner of `drive`: copy this file beside your code.

Python 3.7 or newer and nothing else. Arrays are NumPy's where NumPy is there; without it numbers come as lists and pictures as memoryviews.

    import drive_client  # before everything that prints: from here on prints go to stderr

    class MyPlanner:
        name = "mine"
        pictures = "needed"  # or "taken" (the default) or "unused"; also `camera_names` and `window`, see docs/own-planner.md

        def plan(self, observation, samples=1):  # `samples` may be left out; docs/own-planner.md tells of `answer`, for other requests
            return poses  # [T][3] or [K][T][3]: x, y, heading at observation.future_times_s; or a Plan; or raise PlanError("why not")

    drive_client.serve(MyPlanner())             # drive eval DATA --planner "exec:python my_planner.py"
    drive_client.serve(MyPlanner(), port=8400)  # drive eval DATA --planner http://127.0.0.1:8400

The other direction, where `drive serve --planner first-drive` runs:

    plan = drive_client.connect("http://127.0.0.1:8400").plan(observation)
"""

from __future__ import annotations

import array
import http.client
import inspect
import json
import os
import queue
import struct
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Callable, Iterable, Iterator  # noqa: UP035 - Python 3.7
from urllib.parse import urlsplit

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

VERSION = 1
MAGIC = b"\x93DRIVE\r\n"
LENGTHS = struct.Struct("<IIQ")  # behind MAGIC: version, bytes of the head, bytes of the body
HEAD_LIMIT, BODY_LIMIT = 1 << 22, 1 << 31
EMPTY_LIMIT = 1 << 16  # rows of arrays that hold nothing: a body does not account for these
SIZES = {"float64": 8, "int64": 8, "uint8": 1, "bool": 1}
CODES = {"float64": "d", "int64": "q", "uint8": "B", "bool": "?"}
CONTENT = "application/x-drive"
PIPE = "DRIVE_PLANNER_PIPE"  # set by whoever starts a planner on pipes
PLAN_LIMIT_S, GRACE_S = 600.0, 2.0


class WireError(ValueError):
    """What came is no message of this protocol."""


class PlanError(ValueError):
    """No plan, and why: the sample is counted as failed with this reason."""


# What is asked and answered. The meaning of every field is that of `drive.schema`: ego frame x forward, y left, metres, radians, seconds.


@dataclass
class Camera:
    """K [3, 3] belongs to a picture of width x height; ego_from_camera [4, 4]; model "pinhole" or "fisheye" with OpenCV's distortion."""

    name: str
    width: int
    height: int
    K: Any
    ego_from_camera: Any
    model: str = "pinhole"
    distortion: tuple = ()


class CameraImage:
    """camera, time_s; image: uint8 [height, width, 3] RGB, PlanError where it is missing; mount [4, 4] or None."""

    def __init__(self, camera: Camera, time_s: float, image: Any, mount: Any = None) -> None:
        self.camera, self.time_s, self.sent, self.mount = camera, time_s, image, mount

    @property
    def image(self) -> Any:
        """The picture."""
        if isinstance(self.sent, dict):
            raise PlanError(str(self.sent.get("why")))
        if self.sent is None:
            raise PlanError(f"the picture of {self.camera.name} was not sent: `pictures` and `camera_names` say which are wanted")
        return self.sent


@dataclass
class Frame:
    """The cameras of one moment."""

    time_s: float
    cameras: tuple


@dataclass
class Trajectory:
    """poses [T, 3]; times_s [T]; valid [T]."""

    poses: Any
    times_s: Any
    valid: Any


@dataclass
class Navigation:
    """What a navigator says of the next junction."""

    turn: str
    distance_m: float
    exit: Any = None
    then: Any = None


@dataclass
class Observation:
    """All that a planner may see: frames oldest first; past poses, t0 (the origin) last; future_times_s: when a plan is asked for."""

    token: str
    frames: tuple
    past: Trajectory
    future_times_s: Any
    speed_mps: Any = None
    acceleration_mps2: Any = None
    yaw_rate_radps: Any = None
    command: Any = None
    navigation: Any = None


@dataclass
class Plan:
    """trajectories [K, T, 3] or [T, 3], best first; times_s [T], by default those asked for; log_probs [K] or None;
    degraded: whether the planner could see, {"probability": 0..1, "reasons": [words], "fallback": "none", "slow" or "stop"} or None."""

    trajectories: Any
    times_s: Any = None
    log_probs: Any = None
    text: Any = None
    degraded: Any = None


@dataclass
class Answers:
    """values: request -> its answers, the one to use first, in the JSON of docs/tasks.md; log_probs: request -> one number an answer;
    failures: request -> why there is none."""

    values: dict
    log_probs: dict = field(default_factory=dict)
    failures: dict = field(default_factory=dict)


# Frames: MAGIC, LENGTHS, head (JSON), body (arrays, each from a multiple of 8 bytes on).


class Raw:
    """An array as it travels. dtype: of SIZES; shape; data: bytes, C order, little-endian."""

    def __init__(self, dtype: str, shape: tuple, data: Any) -> None:
        self.dtype, self.shape, self.data = dtype, shape, data


def raw(values: Any, dtype: str = "float64") -> Raw:
    """An array of NumPy, nested lists, or bytes (uint8). Raises TypeError or ValueError for what is none of that type."""
    if isinstance(values, Raw):
        return values
    if numpy is not None:
        given = numpy.asarray(values)
        if given.size and not numpy.can_cast(given.dtype, dtype, "same_kind"):
            raise TypeError(f"expected an array of {dtype}, got {given.dtype}")
        whole = numpy.ascontiguousarray(given, numpy.dtype(dtype).newbyteorder("<"))
        return Raw(dtype, given.shape, whole.data.cast("B") if whole.size else b"")
    if isinstance(values, (bytes, bytearray, memoryview)):
        return Raw(dtype, tuple(memoryview(values).shape or ()), memoryview(values).cast("B"))
    shape, flat = _flat(values)
    return Raw(dtype, shape, bytes(map(bool, flat)) if dtype == "bool" else array.array(CODES[dtype], flat).tobytes())


def _flat(values: Any) -> tuple[tuple, list]:
    if not isinstance(values, (list, tuple)):
        return (), [values]
    parts = [_flat(value) for value in values]
    if any(part[0] != parts[0][0] for part in parts):
        raise ValueError("an array's rows have different lengths")
    return (len(values),) + (parts[0][0] if parts else ()), [number for part in parts for number in part[1]]


def pack(message: dict) -> list[Any]:
    """A message (what JSON takes, and `Raw`) as buffers to write one after another."""
    arrays: list[Raw] = []
    told = _without_arrays(message, arrays)
    head = {"arrays": [[one.dtype, list(one.shape)] for one in arrays], "message": told}
    text = json.dumps(head, allow_nan=False).encode()
    body = [part for one in arrays for part in (one.data, b"\0" * (-len(one.data) % 8))]
    return [MAGIC + LENGTHS.pack(VERSION, len(text), sum(map(len, body))) + text] + body


def _without_arrays(value: Any, found: list[Raw]) -> Any:
    """The value with `{"array": number}` in place of every array, which are appended to `found`."""
    if isinstance(value, Raw):
        found.append(value)
        return {"array": len(found) - 1}
    if isinstance(value, dict):
        return {str(key): _without_arrays(one, found) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(one, found) for one in value]
    return value.item() if hasattr(value, "item") else value


def read_message(read: Callable[[int], Any], body_limit: int = BODY_LIMIT) -> dict:
    """The next message. read(n): exactly n bytes, or raises. Raises WireError; nothing is made that the head does not account for."""
    start = bytes(read(len(MAGIC)))
    if start != MAGIC:
        raise WireError(f"{start!r} is no beginning of a message: something else was written where messages go")
    version, head_size, body_size = LENGTHS.unpack(bytes(read(LENGTHS.size)))
    if version != VERSION:
        raise WireError(f"version {version} of the protocol, this is version {VERSION}: copy drive_client.py anew")
    if head_size > HEAD_LIMIT or body_size > body_limit:
        raise WireError(f"a head of {head_size} and a body of {body_size} bytes, allowed are {HEAD_LIMIT} and {body_limit}")
    try:
        head = json.loads(bytes(read(head_size)).decode(), parse_constant=_no_number)
        table = _table(head)
        if sum(_padded(size) for _, _, size in table) != body_size:
            raise WireError(f"a body of {body_size} bytes does not hold arrays {[one[:2] for one in table][:9]}")
        return _with_arrays(head["message"], _arrays(table, read(body_size)))
    except WireError:
        raise
    except (RecursionError, ValueError) as error:
        raise WireError(f"a head that is no JSON: {error}") from None


def _no_number(word: str) -> Any:
    raise WireError(f"{word} in a head: numbers are finite")


def _table(head: Any) -> list[tuple]:
    """(dtype, shape, bytes) of every array that a head names."""
    if not isinstance(head, dict) or not isinstance(head.get("message"), dict) or not isinstance(head.get("arrays"), list):
        raise WireError("a head is {arrays: [...], message: {...}}")
    table, empty = [], 0
    for one in head["arrays"]:
        if not isinstance(one, list) or len(one) != 2 or one[0] not in list(SIZES) or not isinstance(one[1], list) or len(one[1]) > 8:
            raise WireError("an array is [dtype, shape], dtype one of {}, got {}".format(", ".join(SIZES), str(one)[:100]))
        size, rows = SIZES[one[0]], 1
        for side in one[1]:
            if type(side) is not int or not 0 <= side <= BODY_LIMIT:
                raise WireError(f"a shape holds whole numbers from 0 on, got {str(one[1])[:100]}")
            size, rows = size * side, rows * max(side, 1)
        empty += 0 if size else rows
        if empty > EMPTY_LIMIT:
            raise WireError(f"arrays that hold nothing have up to {EMPTY_LIMIT} rows together, got shape {one[1]}")
        table.append((one[0], tuple(one[1]), size))
    return table


def _padded(size: int) -> int:
    return size + -size % 8


def _arrays(table: list[tuple], body: Any) -> list[Any]:
    made, start = [], 0
    for dtype, shape, size in table:
        made.append(_array(dtype, shape, memoryview(body)[start : start + size]))
        start += _padded(size)
    return made


def _array(dtype: str, shape: tuple, data: memoryview) -> Any:
    if numpy is not None:
        made = numpy.frombuffer(data, numpy.dtype("u1" if dtype == "bool" else dtype).newbyteorder("<")).reshape(shape)
        return made != 0 if dtype == "bool" else made
    if sys.byteorder != "little":
        raise WireError("without NumPy this needs a little-endian machine")
    if 0 in shape:
        return [_array(dtype, shape[1:], data) for _ in range(shape[0])] if shape[0] else []
    if dtype == "uint8":
        return data.cast("B", shape)
    return data.cast(CODES[dtype], shape).tolist() if shape else data.cast(CODES[dtype])[0]


def _with_arrays(value: Any, arrays: list[Any]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"array"}:
            number = value["array"]
            if type(number) is not int or not 0 <= number < len(arrays):
                raise WireError(f"there is no array {str(number)[:20]}")
            return arrays[number]
        return {key: _with_arrays(one, arrays) for key, one in value.items()}
    return [_with_arrays(one, arrays) for one in value] if isinstance(value, list) else value


# Observations and plans as messages.

NUMBERS = ("speed_mps", "acceleration_mps2", "yaw_rate_radps")


def observation_message(observation: Any, picture_of: Callable[[Any], Any]) -> dict:
    """An observation, of this file or of `drive.schema`. picture_of: an image of a camera as it travels."""
    past = observation.past
    told = {name: getattr(observation, name) for name in ("token", "command") + NUMBERS}
    told["past"] = {"poses": raw(past.poses), "times_s": raw(past.times_s), "valid": raw(past.valid, "bool")}
    told["future_times_s"] = raw(observation.future_times_s)
    told["navigation"] = _navigation_message(observation.navigation)
    told["frames"] = [
        {"time_s": frame.time_s, "cameras": [_view_message(view, picture_of(view)) for view in frame.cameras]}
        for frame in observation.frames
    ]
    return told


def _navigation_message(told: Any) -> Any:
    if told is None:
        return None
    return {"turn": told.turn, "distance_m": told.distance_m, "exit": told.exit, "then": _navigation_message(told.then)}


def _view_message(view: Any, image: Any) -> dict:
    camera = view.camera
    told = {name: getattr(camera, name) for name in ("name", "width", "height", "model", "distortion")}
    told.update(K=raw(camera.K), ego_from_camera=raw(camera.ego_from_camera), time_s=view.time_s, image=image)
    told["mount"] = None if view.mount is None else raw(view.mount)
    return told


def observation_of(told: dict) -> Observation:
    """The inverse, in this file's types. Raises KeyError or TypeError for what is none."""
    frames = tuple(Frame(one["time_s"], tuple(_view_of(view) for view in one["cameras"])) for one in told["frames"])
    past = Trajectory(*(told["past"][name] for name in ("poses", "times_s", "valid")))
    rest = {name: told[name] for name in ("command",) + NUMBERS}
    return Observation(told["token"], frames, past, told["future_times_s"], navigation=_navigation_of(told["navigation"]), **rest)


def _navigation_of(told: Any) -> Any:
    return None if told is None else Navigation(told["turn"], told["distance_m"], told["exit"], _navigation_of(told["then"]))


def _view_of(told: dict) -> CameraImage:
    values = {name: told[name] for name in ("name", "width", "height", "K", "ego_from_camera", "model")}
    camera = Camera(distortion=tuple(told["distortion"]), **values)
    return CameraImage(camera, told["time_s"], told["image"], told["mount"])


def plan_message(answer: Any, times_s: Any, samples: int) -> dict:
    """What a planner returned: a Plan, of this file or of `drive.schema`, or its trajectories; one counts for all samples."""
    plan = answer if hasattr(answer, "trajectories") else Plan(answer)
    given = raw(plan.trajectories)
    if len(given.shape) == 2:
        given = Raw("float64", (samples,) + given.shape, bytes(given.data) * samples)
    times = raw(times_s if plan.times_s is None else plan.times_s)
    logs = None if plan.log_probs is None else raw(plan.log_probs)
    seen: Any = getattr(plan, "degraded", None)
    seen = seen.to_json() if hasattr(seen, "to_json") else seen
    return {"trajectories": given, "times_s": times, "log_probs": logs, "text": plan.text, "degraded": seen}


# Serving a planner.


class Server:
    """Answers messages. make: makes an observation of its message; about: what `hello` is answered with, by default what the planner
    says of itself."""

    def __init__(self, planner: Any, make: Callable[[dict], Any] = observation_of, about: dict | None = None) -> None:
        self.planner, self.make, self.lock = planner, make, threading.Lock()
        self.about = about if about is not None else about_planner(planner)
        self.ways = {"plan": self._plan, "answer": self._answer}

    def reply(self, message: dict) -> list[Any]:
        """The answer's buffers."""
        with self.lock:
            told = self._told(message)
        told["id"] = message.get("id")
        return pack(told)

    def _told(self, message: dict) -> dict:
        ask, samples = message.get("ask"), message.get("samples", 1)
        if ask == "hello":
            return dict(self.about)
        if not isinstance(ask, str) or ask not in self.ways or not hasattr(self.planner, ask):
            return {"wrong": f"it cannot be asked {str(ask)[:50]!r}"}
        if type(samples) is not int or samples < 1:
            return {"wrong": f"samples are 1 or more, got {str(samples)[:50]}"}
        try:
            observation = self.make(message["observation"])
        except Exception as error:
            return {"wrong": f"no observation: {type(error).__name__}: {error}"}
        return self._tried(self.ways[ask], observation, message, samples)

    def _tried(self, way: Callable, observation: Any, message: dict, samples: int) -> dict:
        try:
            told = way(observation, message, samples)
            pack(told)
            return told
        except (Exception, SystemExit) as error:
            if any(one.__name__ == "PlanError" for one in type(error).__mro__):
                return {"refused": str(error)}
            return {"raised": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()[-10000:]}

    def _plan(self, observation: Any, message: dict, samples: int) -> dict:
        answer = _call(self.planner.plan, samples, observation)
        if answer is None:
            return {"refused": "returned nothing"}
        return {"plan": plan_message(answer, observation.future_times_s, samples)}

    def _answer(self, observation: Any, message: dict, samples: int) -> dict:
        told = _call(self.planner.answer, samples, observation, list(message["requests"]))
        answers = told if hasattr(told, "values") and hasattr(told, "failures") else Answers(dict(told))
        logs = {request: raw(values) for request, values in answers.log_probs.items()}
        return {"answers": {"values": answers.values, "log_probs": logs, "failures": answers.failures}}


def _call(method: Callable, samples: int, *arguments: Any) -> Any:
    """With `samples` where the method takes that."""
    takes = inspect.signature(method).parameters
    wanted = "samples" in takes or any(one.kind == one.VAR_KEYWORD for one in takes.values())
    return method(*arguments, samples=samples) if wanted else method(*arguments)


def about_planner(planner: Any) -> dict:
    """Name, window, pictures, cameras and tasks, from a planner's attributes."""
    pictures: Any = getattr(planner, "pictures", "taken")
    if isinstance(pictures, bool):
        pictures = "needed" if pictures else "unused"
    window, cameras = getattr(planner, "window", None), list(getattr(planner, "camera_names", ()))
    name = getattr(planner, "name", None) or type(planner).__name__
    told = {"name": name, "window": window, "pictures": pictures, "cameras": cameras, "tasks": list(getattr(planner, "tasks", ()))}
    return dict(told, deterministic=bool(getattr(planner, "deterministic", True)), encoded=False)


def serve(planner: Any, port: int | None = None, host: str = "127.0.0.1") -> None:
    """Answers until whoever asks goes away (on pipes), or for ever (a port, on `host` alone)."""
    server = Server(planner)
    if port is None:
        serve_pipe(server)
    else:
        with http_server(server, port, host) as serving:
            print(f"http://{host}:{serving.server_address[1]}", file=sys.stderr, flush=True)
            serving.serve_forever()


_pipes: tuple | None = None


def take_pipes() -> tuple:
    """Standard input and output become the messages' own; what the process prints from now on goes to stderr, and it reads nothing."""
    global _pipes
    if _pipes is None:
        _pipes = os.fdopen(os.dup(0), "rb", 1 << 16), os.fdopen(os.dup(1), "wb", 0)
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    return _pipes


if os.environ.pop(PIPE, None):
    take_pipes()


def serve_pipe(server: Server) -> None:
    """Answers on standard input and output until the input ends. A plan that is still in the making then is of no use: the process ends."""
    source, sink = take_pipes()
    messages: queue.Queue = queue.Queue()
    threading.Thread(target=_listen, args=(source, messages), daemon=True).start()
    for message in iter(messages.get, None):
        for buffer in server.reply(message):
            _write(sink, buffer)


def _listen(source: Any, messages: queue.Queue) -> None:
    try:
        while True:
            messages.put(read_message(lambda size: _exactly(source, size)))
    except (EOFError, OSError):
        messages.put(None)
    except Exception as error:
        print(f"drive_client: {error}", file=sys.stderr, flush=True)
        messages.put(None)
    time.sleep(GRACE_S)
    os._exit(1)


def _exactly(source: Any, size: int) -> bytearray:
    """Exactly so many bytes. Raises EOFError."""
    data, got = bytearray(size), 0
    while got < size:
        count = source.readinto(memoryview(data)[got:])
        if not count:
            raise EOFError(f"{got} of {size} bytes came")
        got += count
    return data


def _write(sink: Any, buffer: Any) -> None:
    left = memoryview(buffer)
    while len(left):
        left = left[sink.write(left) :]


class _HttpServer(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    drive: Server
    hosts: tuple = ()


def http_server(server: Server, port: int, host: str = "127.0.0.1") -> _HttpServer:
    """A server to run with `serve_forever`; port 0: any free one. What pages of a browser send is refused: they cannot set the content
    type, nor, on this machine's own address, another host."""
    made = _HttpServer((host, port), _Handler)
    made.drive, made.hosts = server, ("127.0.0.1", "localhost", "::1") if host in ("127.0.0.1", "localhost") else ()
    return made


class _Handler(BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", PLAN_LIMIT_S
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = urlsplit("//" + self.headers.get("Host", "")).hostname
        size = self.headers.get("Content-Length", "")
        if self.headers.get("Content-Type") != CONTENT or (self.server.hosts and asked not in self.server.hosts):  # type: ignore[attr-defined]
            self._answer(403, [b"messages are of type " + CONTENT.encode() + b" and for this host"])
        elif not size.isdigit() or int(size) > HEAD_LIMIT + BODY_LIMIT:
            self._answer(411, [b"the request needs its Content-Length"])
        else:
            self._reply(int(size))

    def _reply(self, size: int) -> None:
        left = [size]

        def read(count: int) -> bytearray:
            left[0] -= count
            if left[0] < 0:
                raise WireError("the message is longer than the request's Content-Length")
            return _exactly(self.rfile, count)

        try:
            message = read_message(read)
            if left[0]:
                raise WireError(f"{left[0]} bytes behind the message")
        except (WireError, EOFError) as error:
            self._answer(400, [str(error).encode()])
        else:
            self._answer(200, self.server.drive.reply(message))  # type: ignore[attr-defined]

    def _answer(self, status: int, buffers: list[Any]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", CONTENT if status == 200 else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(sum(map(len, buffers))))
        if status != 200:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        for buffer in buffers:
            self.wfile.write(buffer)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


# Asking a planner that `drive serve` runs.


def connect(url: str, limit_s: float = PLAN_LIMIT_S) -> Connection:
    """A planner to ask. limit_s: how long it may be silent. Raises OSError where nobody answers, WireError where somebody else does."""
    return Connection(url, limit_s)


class Connection:
    """name; plan(observation, samples), answer(observation, requests, samples). An observation's pictures are
    uint8 [H, W, 3] arrays, or paths of files."""

    def __init__(self, url: str, limit_s: float = PLAN_LIMIT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"expected http://HOST:PORT, got {url!r}")
        self.wire = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=limit_s)
        self.number = 0
        self.about = self._ask({"ask": "hello"})
        self.name = self.about["name"]

    def plan(self, observation: Any, samples: int = 1) -> Plan:
        """Raises PlanError where the planner gives none."""
        told = self._planner("plan", observation, samples)
        plan = told["plan"]
        return Plan(plan["trajectories"], plan["times_s"], plan["log_probs"], plan["text"], plan.get("degraded"))

    def answer(self, observation: Any, requests: Any, samples: int = 1) -> Answers:
        """The answers to requests such as ["see>plan", "boxes"]. Raises PlanError where the planner gives none at all."""
        told = self._planner("answer", observation, samples, requests=[requests] if isinstance(requests, str) else list(requests))
        return Answers(*(told["answers"][name] for name in ("values", "log_probs", "failures")))

    def _planner(self, ask: str, observation: Any, samples: int, **more: Any) -> dict:
        told = observation_message(observation, self._picture)
        reply = self._ask(dict(more, ask=ask, samples=samples, observation=told))
        for key in ("refused", "raised", "wrong"):
            if key in reply:
                raise PlanError(reply[key] if key == "refused" else f"{key} {reply[key]}")
        return reply

    def _picture(self, view: Any) -> Any:
        if not isinstance(view.image, (str, os.PathLike)):
            return None if view.image is None else raw(view.image, "uint8")
        if not self.about["encoded"]:
            raise ValueError(f"{self.name} takes pixels, not files of pictures")
        with open(view.image, "rb") as file:
            return {"file": str(view.image), "data": raw(memoryview(file.read()), "uint8")}

    def _ask(self, message: dict) -> dict:
        self.number += 1
        buffers = pack(dict(message, id=self.number))
        headers = {"Content-Type": CONTENT, "Content-Length": str(sum(map(len, buffers)))}
        try:
            self.wire.request("POST", "/", _each(buffers), headers)
            answer = self.wire.getresponse()
            if answer.status != 200:
                raise WireError("status {}: {}".format(answer.status, answer.read(500).decode("utf-8", "replace")))
            reply = read_message(lambda size: _exactly(answer, size))
            answer.read()
        except BaseException:
            self.wire.close()
            raise
        if reply.get("id") != self.number:
            raise WireError("an answer to another message")
        return reply


def _each(buffers: Iterable[Any]) -> Iterator[Any]:
    return (buffer for buffer in buffers if len(buffer))
