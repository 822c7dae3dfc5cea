"""A planner of `drive` for others' simulators: `drive serve --planner NAME`, over HTTP or on a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from drive.asking import spec_of
from drive.cameras import Camera
from drive.planners.remote import drive_client as client
from drive.planners.remote.answering import answers_json, tasks_of
from drive.planners.remote.drive_client import Server
from drive.roads import Navigation
from drive.schema import COMMANDS, CameraImage, Frame, MissingImage, Observation, Plan, Planner, Trajectory

T = TypeVar("T")
NUMBERS = ("speed_mps", "acceleration_mps2", "yaw_rate_radps")


@contextmanager
def server_of(planner: Planner) -> Iterator[Server]:
    """What answers messages with a planner's plans; files of pictures that come lie in a folder of their own while it plans."""
    with TemporaryDirectory(prefix="drive-") as folder:
        served = (_Answering if hasattr(planner, "answer") else _Served)(planner, Path(folder))
        yield Server(served, served.observation_of, about_of(planner))


def about_of(planner: Planner) -> dict[str, Any]:
    """What a planner says of itself, as a message."""
    spec = spec_of(planner)
    window = None if spec.window is None else asdict(spec.window)
    needs = {"window": window, "pictures": spec.pictures, "cameras": list(spec.cameras), "tasks": list(spec.tasks)}
    return {"name": planner.name, **needs, "deterministic": spec.deterministic, "encoded": True}


class _Served:
    """The planner, given observations of messages. names: file in the folder -> the name that whoever asks has for it."""

    def __init__(self, planner: Planner, folder: Path) -> None:
        self.planner, self.folder = planner, folder
        self.names: dict[Path, str] = {}

    def observation_of(self, told: dict[str, Any]) -> Observation:
        self._forget()
        return observation_of(told, self._file)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        return self._asked(lambda: self.planner.plan(observation, samples=samples))

    def _asked(self, ask: Callable[[], T]) -> T:
        """What a call gives; a missing picture is told of by the name that whoever asks has for it."""
        try:
            return ask()
        except MissingImage as error:
            reason = str(error)
            for path, name in self.names.items():
                reason = reason.replace(str(path), name)
            raise MissingImage(reason) from error
        finally:
            self._forget()

    def _forget(self) -> None:
        for path in self.names:
            path.unlink(missing_ok=True)
        self.names.clear()

    def _file(self, name: str, data: Any) -> Path:
        """A picture's file with this content; none where data is None."""
        path = self.folder / f"picture{len(self.names):06d}"
        self.names[path] = name
        if data is not None:
            path.write_bytes(memoryview(data))
        return path


class _Answering(_Served):
    """One that answers other requests too; in JSON."""

    def answer(self, observation: Observation, requests: list[str], samples: int = 1) -> client.Answers:
        tasks = tasks_of(requests, spec_of(self.planner).window)
        planner: Any = self.planner
        answers = self._asked(lambda: planner.answer(observation, requests, samples))
        return answers_json(answers, tasks)


def observation_of(told: dict[str, Any], file_of: Callable[[str, Any], Path]) -> Observation:
    """A message -> an observation. file_of: keeps a picture's file (name, bytes or None), and says where.

    Raises KeyError, TypeError or ValueError, which name what is wrong, for what is none.
    """
    rest: dict[str, Any] = {name: None if told[name] is None else _number(name, told[name]) for name in NUMBERS}
    if told["command"] not in (None, *COMMANDS):
        raise ValueError(f"command is one of {', '.join(COMMANDS)} or null, got {str(told['command'])[:50]!r}")
    times = _array("future_times_s", told["future_times_s"], (-1,))
    if not len(times) or (np.diff(times) <= 0).any() or times[0] <= 0:
        raise ValueError(f"future_times_s ascend from above 0, got {times.tolist()[:20]}")
    frames = tuple(Frame(_number("time_s", f["time_s"]), tuple(_view(view, file_of) for view in f["cameras"])) for f in told["frames"])
    rest |= {"command": told["command"], "navigation": _navigation(told["navigation"])}
    return Observation(str(told["token"]), frames, _past(told["past"]), times, **rest)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{name} is a finite number, got {str(value)[:50]}")
    return value


def _array(name: str, value: Any, shape: tuple[int, ...]) -> Any:
    """A finite array; -1 in a shape: any length."""
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(n not in (-1, m) for n, m in zip(shape, array.shape, strict=True)) or not np.isfinite(array).all():
        raise ValueError(f"{name} is a finite array of shape {list(shape)} (-1: any), got shape {list(array.shape)}")
    return array


def _past(told: dict[str, Any]) -> Trajectory:
    times = _array("past.times_s", told["times_s"], (-1,))
    valid = np.asarray(told["valid"], dtype=bool)
    if valid.shape != times.shape:
        raise ValueError(f"past.valid has one entry a time, got {list(valid.shape)} for {len(times)}")
    return Trajectory(_array("past.poses", told["poses"], (len(times), 3)), times, valid)


def _navigation(told: Any) -> Navigation | None:
    if told is None:
        return None
    return Navigation(told["turn"], _number("distance_m", told["distance_m"]), told["exit"], _navigation(told["then"]))


def _view(told: dict[str, Any], file_of: Callable[[str, Any], Path]) -> CameraImage:
    width, height = (int(_number(name, told[name])) for name in ("width", "height"))
    pose, lens = told["ego_from_camera"], tuple(told["distortion"])
    camera = Camera(str(told["name"]), width, height, told["K"], pose, told["model"], lens)
    mount = None if told["mount"] is None else _array("mount", told["mount"], (4, 4))
    return CameraImage(camera, _number("time_s", told["time_s"]), _image(told["image"], camera, file_of), mount)


def _image(image: Any, camera: Camera, file_of: Callable[[str, Any], Path]) -> Any:
    if isinstance(image, dict) and "data" in image:
        return file_of(str(image["file"]), np.asarray(image["data"], dtype=np.uint8))
    if isinstance(image, dict) or image is None:
        return file_of(str((image or {}).get("missing", f"the picture of {camera.name} was not sent")), None)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape != (camera.height, camera.width, 3):
        got = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"the picture of {camera.name} is uint8 [{camera.height}, {camera.width}, 3], got {got}")
    return image
