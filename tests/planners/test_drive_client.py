"""The file that users copy: Python 3.7, no dependencies; messages that come back as they went, also without NumPy; hostile ones refused."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drive.planners.remote.drive_client as client
from drive.planners.remote.drive_client import BODY_LIMIT, LENGTHS, MAGIC, VERSION, WireError, observation_message, pack, raw, read_message
from drive.planners.remote.serving import observation_of
from drive.roads import Navigation
from drive.schema import CameraImage, Observation
from tests.model.conftest import make_observation


def test_the_client_is_python_3_7_and_imports_the_standard_library_alone() -> None:
    tree = ast.parse(Path(client.__file__).read_text(), feature_version=(3, 7))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} - {"numpy"} <= set(sys.stdlib_module_names)
    tried = [node for node in tree.body if isinstance(node, ast.Try) and "import numpy" in ast.unparse(node)]
    assert len(tried) == 1 and "ImportError" in ast.unparse(tried[0])


def sent(message: dict, read: Any = read_message) -> dict:
    """A message after its way."""
    data = BytesIO(b"".join(pack(message)))
    told = read(lambda size: bytearray(data.read(size)))
    assert not data.read()
    return told


def rich(seed: int = 0) -> Observation:
    """An observation with everything that there can be."""
    observation = make_observation(seed, cameras=2, frames=2)
    first, second = observation.frames[0].cameras
    bent = replace(first.camera, distortion=(0.01, 0.002, 0.0001, 0.0))
    views = (replace(first, camera=bent, mount=np.eye(4)), replace(second, camera=replace(second.camera, model="fisheye")))
    frames = (replace(observation.frames[0], cameras=views), *observation.frames[1:])
    valid = observation.past.valid.copy()
    valid[0] = False
    past = replace(observation.past, valid=valid)
    navigation = Navigation("roundabout", 12.345678901234567, 2, Navigation("left", 80.0))
    return replace(observation, frames=frames, past=past, navigation=navigation, speed_mps=0.1 + 0.2, command=None, token="a\"\n\u00fc")


def same(a: Any, b: Any) -> bool:
    """Whether two observations, of whichever types, hold the same to the bit."""
    if isinstance(a, CameraImage):
        return all(same(getattr(a, name), getattr(b, name)) for name in ("camera", "time_s", "image", "mount"))
    if is_dataclass(a) and not isinstance(a, type):
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        other = np.asarray(b)
        return a.dtype == other.dtype and a.shape == other.shape and a.tobytes() == other.tobytes()
    a, b = (one.item() if isinstance(one, np.generic) else one for one in (a, b))
    return type(a) is type(b) and a == b


EMPTY = replace(
    rich(), frames=(), navigation=None, speed_mps=None, acceleration_mps2=None, yaw_rate_radps=None, command="left", token=""
)


@pytest.mark.parametrize("observation", [rich(), EMPTY, make_observation(1, cameras=3)])
@pytest.mark.parametrize("numpy", [True, False])
def test_every_field_comes_back_to_the_bit(observation: Observation, numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    message = observation_message(observation, lambda view: raw(view.image, "uint8"))
    assert same(observation, observation_of(sent(message), lambda name, data: Path(name)))
    if not numpy:
        monkeypatch.setattr(client, "numpy", None)
    light = client.observation_of(sent(message))
    assert same(observation, light)
    again = observation_message(light, lambda view: raw(view.image, "uint8"))
    assert b"".join(pack(again)) == b"".join(pack(message))


def test_arrays_without_numpy_are_those_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"float64": [[0.1, -2.5], [1e-300, 3.0]], "bool": [True, False, True], "int64": [[1], [-(2**60)]], "uint8": []}
    with_numpy = [b"".join(pack({"a": raw(value, dtype)})) for dtype, value in values.items()]
    monkeypatch.setattr(client, "numpy", None)
    assert [b"".join(pack({"a": raw(value, dtype)})) for dtype, value in values.items()] == with_numpy
    assert [sent({"a": raw(value, dtype)})["a"] for dtype, value in values.items()] == list(values.values())
    assert sent({"a": raw([[], []])})["a"] == [[], []]
    with pytest.raises(ValueError, match="different lengths"):
        raw([[1.0], [2.0, 3.0]])


def test_what_is_no_picture_or_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="expected an array of uint8, got float64"):
        raw(np.zeros((2, 2, 3)), "uint8")
    with pytest.raises(ValueError, match="JSON"):
        pack({"speed": float("nan")})


def frame(head: Any, body: bytes = b"", version: int = VERSION, sizes: tuple[int, int] | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return MAGIC + LENGTHS.pack(version, *(sizes or (len(text), len(body)))) + text + body


def head(*arrays: Any) -> dict:
    return {"arrays": list(arrays), "message": {"a": {"array": 0}}}


HOSTILE = {
    "no beginning": b"Loading checkpoint shards...",
    "version 2 of the protocol, this is version 1": frame({}, version=2),
    "a head of 4294967295": frame(b"", sizes=(2**32 - 1, 0)),
    "allowed are 4194304 and": frame(b"", sizes=(2, 2**63)),
    "no JSON": frame(b"{"),
    "no JSON: maximum recursion": frame(b"[" * 100_000),
    "no JSON: 'utf-8'": frame(b"\xff\xfe"),
    "NaN in a head": frame(b'{"arrays": [], "message": {"x": NaN}}'),
    "a head is": frame([1]),
    "an array is .dtype, shape.": frame(head(["object", [1]])),
    "an array is": frame(head([["float64"], [1]])),
    "whole numbers from 0 on": frame(head(["uint8", [-8]])),
    "whole numbers from 0": frame(head(["uint8", [True]]), bytes(8)),
    "does not hold arrays": frame(head(["float64", [2, 3]]), bytes(40)),
    "does not hold": frame(head(["uint8", [10**9, 10**9, 10**9]]), bytes(8)),
    "arrays that hold nothing have up to": frame(head(["uint8", [2**31, 0]])),
    "hold nothing have up to": frame({"arrays": [["uint8", [50_000, 0]]] * 100, "message": {}}),
    "there is no array 7": frame({"arrays": [], "message": {"a": {"array": 7}}}),
    "there is no array -1": frame({"arrays": [["uint8", [1]]], "message": {"a": {"array": -1}}}, bytes(8)),
}


@pytest.mark.parametrize("numpy", [True, False])
@pytest.mark.parametrize("message", HOSTILE)
def test_what_is_no_message_is_refused_by_what_is_wrong(message: str, numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not numpy:
        monkeypatch.setattr(client, "numpy", None)
    data = BytesIO(HOSTILE[message])
    with pytest.raises(WireError, match=message):
        read_message(lambda size: bytearray(data.read(size)) if size < 10**7 else pytest.fail(f"{size} bytes were asked for"))


def test_every_shorter_message_is_an_end_and_every_other_byte_is_no_crash() -> None:
    whole = b"".join(pack({"a": raw(np.arange(3.0)), "b": "text"}))

    def read_of(data: bytes) -> Any:
        source = BytesIO(data)
        return lambda size: client._exactly(source, min(size, BODY_LIMIT))

    for end in range(len(whole)):
        with pytest.raises(EOFError):
            read_message(read_of(whole[:end]), 1 << 10)
    for place in range(len(whole)):
        for value in (0, 0x22, 0x39, 0x7D, 0xFF):
            broken = bytearray(whole)
            broken[place] = value
            with suppress(WireError, EOFError):
                read_message(read_of(bytes(broken)), 1 << 10)


def test_a_process_that_imports_it_on_pipes_prints_to_stderr_and_others_do_not(tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import drive_client; print('here'); import os; os.write(1, b'there\\n')"
    for variable, stream in (({client.PIPE: "1"}, "stderr"), ({}, "stdout")):
        call = [sys.executable, "-S", "-c", code, str(Path(client.__file__).parent)]
        done = subprocess.run(call, env=variable, capture_output=True, text=True, timeout=60)
        assert set(getattr(done, stream).split()) == {"here", "there"}, done
