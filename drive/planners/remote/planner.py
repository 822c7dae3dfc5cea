"""A planner in another process or on a server, as any other planner: `exec:COMMAND`, `http://HOST:PORT`."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from drive.data.images import read_image
from drive.planners.notes import speaks
from drive.planners.remote.answering import answers_of, tasks_of
from drive.planners.remote.channel import Clock, Ended, TimedOut
from drive.planners.remote.drive_client import WireError, observation_message, pack, raw
from drive.planners.remote.process import Process
from drive.planners.remote.web import Web
from drive.schema import Answers, CameraImage, Degraded, Observation, Plan, PlanError, PlannerSpec, Window
from drive.tasks import chains, spelled

EXEC, HTTP = "exec:", "http://"
START_S, PLAN_S = "DRIVE_PLANNER_START_S", "DRIVE_PLANNER_PLAN_S"
LIMITS_S = {START_S: 600.0, PLAN_S: 120.0}
START_TRIES = 3
NAME_LIMIT, REASON_LIMIT = 100, 2000
FAILURES = (Ended, TimedOut, WireError, OSError)


class RemoteError(PlanError):
    """No plan from another process: what it raised, or how it was lost. traceback: its own, where it told one."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason[:REASON_LIMIT])
        self.traceback = traceback


class RemotePlanner:
    """Asks what `transport` leads to. It has `answer` too where it says that it answers tasks. restarts: how often it was started, or
    connected to, again after it was lost.

    Raises ValueError where it does not start, or says of itself what cannot be.
    """

    def __init__(self, transport: Process | Web, start_s: float, plan_s: float) -> None:
        self.transport, self.start_s, self.plan_s = transport, start_s, plan_s
        self.number, self.restarts, self.told = 0, 0, 0
        self.lost, self.misses = False, 0  # misses: starts in a row that failed
        try:
            self.name, self.spec, self.encoded = self._start()
        except RemoteError as error:
            raise ValueError(f"no planner: {error}") from error
        if self.spec.tasks:
            self.answer = self._answers  # whoever has it is asked for answers

    def ready(self) -> None:
        """Starts it where it was lost. Raises RemoteError."""
        if self.transport.alive:
            return
        if self.misses >= START_TRIES:
            raise RemoteError(f"not started again: that failed {self.misses} times in a row")
        self.restarts += self.lost
        if self._start() != (self.name, self.spec, self.encoded):
            self._lose(WireError("another name or other needs than before"))

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """Its answer. Raises PlanError: what it refuses with, what it raised, how it was lost; then the next plan starts it again."""
        plan = self._answer("plan", observation, samples)
        try:
            seen = None if plan.get("degraded") is None else Degraded.from_json(plan["degraded"])
            return Plan(plan["trajectories"], plan["times_s"], plan.get("log_probs"), _text(plan.get("text")), seen)
        except (KeyError, TypeError, ValueError) as error:
            raise RemoteError(f"answered with no plan ({type(error).__name__}: {error})") from error

    def _answers(self, observation: Observation, requests: str | Sequence[str], samples: int = 1) -> Answers:
        """Its answers to requests. Raises PlanError as `plan`, and ValueError for what is no request; an answer that is none of its
        task's is among the failures."""
        asked = [spelled(chain) for chain in chains(requests)]
        tasks = tasks_of(asked, self.spec.window)
        return answers_of(self._answer("answer", observation, samples, requests=asked), tasks)

    def _answer(self, ask: str, observation: Observation, samples: int, **more: Any) -> dict[str, Any]:
        """What it answers with. Raises PlanError."""
        self.ready()
        told = observation_message(observation, self._picture)
        reply = self._ask({"ask": ask, "samples": samples, "observation": told, **more}, self.plan_s, PLAN_S)
        if "refused" in reply:
            raise PlanError(str(reply["refused"])[:REASON_LIMIT])
        if "raised" in reply:
            raise RemoteError(f"raised {reply['raised']}", str(reply.get("traceback", "")))
        answer = reply.get({"plan": "plan", "answer": "answers"}[ask])
        if not isinstance(answer, dict):
            raise RemoteError(f"answered with no {ask} ({str(reply.get('wrong', sorted(reply)))[:REASON_LIMIT]})")
        return answer

    def take_notes(self) -> list[str]:
        """What must be said beside its scores and was not yet."""
        new, self.told = self.restarts - self.told, self.restarts
        return [f"its {self.transport.what} was lost and started again {new} time{'s' if new > 1 else ''}"] if new else []

    def close(self) -> None:
        """Ends it; the next plan would start it again."""
        self.transport.close()

    def _picture(self, view: CameraImage) -> Any:
        """A picture as it travels: pixels, a file as it is where it wants that, why it is missing, None where it is of no use."""
        if self.spec.pictures == "unused" or (self.spec.cameras and view.camera.name not in self.spec.cameras):
            return None
        path = view.image if isinstance(view.image, Path) else None
        try:
            if path is not None and self.encoded and path.is_file():
                return {"file": str(path), "data": raw(memoryview(path.read_bytes()), "uint8")}
            return raw(read_image(view)[1], "uint8")
        except ValueError as error:  # MissingImage is one
            if path is None:
                raise
            return {"missing": str(path), "why": str(error)}

    def _start(self) -> tuple[str, PlannerSpec, bool]:
        """What it says of itself: name, spec, whether it takes files of pictures as they are. Raises RemoteError."""
        self.misses, self.lost = self.misses + 1, False
        try:
            self.transport.open()
        except FAILURES as error:
            self._lose(error)
        told = self._ask({"ask": "hello"}, self.start_s, START_S)
        try:
            about = _about(told)
        except KeyError as error:
            self._lose(WireError(f"a hello that lacks {error}"))
        except (TypeError, ValueError) as error:
            self._lose(WireError(f"a hello that cannot be: {error}"))
        self.misses = 0
        return about

    def _ask(self, message: dict[str, Any], limit_s: float, variable: str) -> dict[str, Any]:
        """The answer. Raises RemoteError, after which it is lost."""
        self.number += 1
        try:
            reply = self.transport.exchange(pack({**message, "id": self.number}), Clock(limit_s))
            if reply.get("id") != self.number:
                raise WireError(f"the answer to message {str(reply.get('id'))[:20]}, asked was {self.number}")
            return reply
        except TimedOut as error:
            self._lose(TimedOut(f"{error} ({variable} sets the limit)"))
        except FAILURES as error:
            self._lose(error)
        except BaseException:  # a deadline, Ctrl-C: an answer that comes later would be taken for the next one's
            self.lost = True
            self.transport.close(0.0)
            raise

    def _lose(self, error: Exception) -> NoReturn:
        self.lost = True
        raise RemoteError(self.transport.lost(error)) from error


def _about(told: dict[str, Any]) -> tuple[str, PlannerSpec, bool]:
    """Raises KeyError, TypeError or ValueError for what no planner says of itself."""
    name, pictures, cameras, window, tasks = (told[key] for key in ("name", "pictures", "cameras", "window", "tasks"))
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT:
        raise ValueError(f"a name has 1 to {NAME_LIMIT} letters, got {str(name)[:NAME_LIMIT]!r}")
    if pictures not in ("needed", "taken", "unused"):
        raise ValueError(f"pictures are needed, taken or unused, got {str(pictures)[:50]!r}")
    for what, names in (("cameras", cameras), ("tasks", tasks)):
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise ValueError(f"{what} are a list of names, got {str(names)[:50]}")
    whole = None if window is None else Window(**window)
    tasks_of(tasks, whole)
    spec = PlannerSpec(whole, pictures, tuple(cameras), tasks=tuple(tasks), deterministic=bool(told["deterministic"]))
    return name, spec, told["encoded"] is True


def _text(text: Any) -> str | None:
    if text is not None and not isinstance(text, str):
        raise TypeError(f"a plan's text is words, got {type(text).__name__}")
    return text


_started: dict[str, RemotePlanner] = {}


def is_remote(spec: str) -> bool:
    """Whether this names a planner in another process or on a server."""
    return spec.startswith((EXEC, HTTP, "https://"))


def remote_planner(spec: str) -> RemotePlanner:
    """`exec:COMMAND` or `http://HOST:PORT` -> its planner, ready; within a process the same one for the same words. It ends with us.

    Raises ValueError where it does not start.
    """
    if spec.startswith("https://"):
        raise ValueError(f"planners are asked over http:// alone, got {spec}: tunnel the port, as with ssh -L 8400:127.0.0.1:8400 HOST")
    if spec not in _started:
        transport = Process(spec[len(EXEC) :]) if spec.startswith(EXEC) else Web(spec)
        _started[spec] = RemotePlanner(transport, _limit_s(START_S), _limit_s(PLAN_S))
        atexit.register(_started[spec].close)
        speaks(_started[spec])
    _started[spec].ready()
    return _started[spec]


def _limit_s(variable: str) -> float:
    text = os.environ.get(variable)
    try:
        value = LIMITS_S[variable] if text is None else float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 < value <= 86_400.0:
        raise ValueError(f"{variable} is a number of seconds above 0 and up to a day, got {text!r}")
    return value
