"""The contract that every planner keeps, as a test that anybody can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from drive.asking import Refusal, asked, gives_plans, spec_of
from drive.schema import Observation, Plan, PlanError, Planner


def check_planner(planner: Any, observations: Sequence[Observation]) -> None:
    """Tests anybody's planner against the contract of `drive.schema.Planner` on some observations.

    Checked: name and `spec`; plans, where it gives any, are finite `Plan`s at the asked times with as many trajectories as asked for; the
    same observation gets the same plan, also after others; observations are left as they were; PlanError is the only refusal; where it has
    an `answer`, every request of its spec is answered or refused by name, in any company with the same answer.
    Raises ValueError naming the first breach, with the observation's token.
    """
    if not isinstance(planner, Planner) or not isinstance(planner.name, str) or not planner.name:
        raise ValueError("a planner needs a non-empty `name` and a method `plan(observation, samples=1)`")
    spec_of(planner)
    if not observations:
        raise ValueError("check_planner needs at least one observation")
    if gives_plans(planner):
        _check_plans(planner, observations)
    answered = [_check_answers(planner, observation) for observation in observations]
    if not gives_plans(planner) and not any(answered):
        raise ValueError(f"{planner.name} answered none of {', '.join(spec_of(planner).tasks)} on any observation: nothing to check")


def _check_plans(planner: Planner, observations: Sequence[Observation]) -> None:
    first = [_answer(planner, o, 1) for o in observations]
    if all(plan is None for plan in first):
        raise ValueError(f"{planner.name} refused every observation with PlanError: nothing to check")
    for observation, plan in zip(observations, first, strict=True):
        again = _answer(planner, observation, 1)
        if (plan is None) != (again is None) or (plan and again and not np.array_equal(plan.trajectories, again.trajectories)):
            raise ValueError(f"{planner.name}: {observation.token} got another plan the second time; a planner keeps no state")
        _answer(planner, observation, 3)


def _answer(planner: Planner, observation: Observation, samples: int) -> Plan | None:
    before = _fingerprint(observation)
    try:
        plan = planner.plan(observation, samples=samples)
    except PlanError:
        return None
    except Exception as error:
        raise ValueError(f"{planner.name}: {observation.token} raised {type(error).__name__} ({error}); refuse with PlanError") from error
    where = f"{planner.name}: {observation.token}"
    if _fingerprint(observation) != before:
        raise ValueError(f"{where}: the observation was changed; copy before writing")
    if not isinstance(plan, Plan):
        raise ValueError(f"{where}: expected a drive.Plan, got {type(plan).__name__}")
    if len(plan.trajectories) != samples:
        raise ValueError(f"{where}: asked for {samples} trajectories, got {len(plan.trajectories)}")
    if plan.times_s.shape != observation.future_times_s.shape or not np.allclose(plan.times_s, observation.future_times_s):
        raise ValueError(f"{where}: asked for times {observation.future_times_s.tolist()}, got {plan.times_s.tolist()}")
    return plan


def _check_answers(planner: Any, observation: Observation) -> bool:
    """Each of the requests it says it answers, asked with the others and alone. Whether any was answered."""
    requests = spec_of(planner).tasks
    if not hasattr(planner, "answer") or not requests:
        return False
    where, before = f"{planner.name}: {observation.token}", _fingerprint(observation)
    together = asked(lambda: planner.answer(observation, requests))
    if isinstance(together, Refusal):
        if together.traceback:
            raise ValueError(f"{where}: `answer` {together.reason}; refuse with PlanError")
        return False
    for request in requests:
        if (request in together.values) == (request in together.failures):
            raise ValueError(f"{where}: {request} must stand among the values or the failures, and not in both")
        alone = planner.answer(observation, [request])
        if request in together.values and not _same(alone.values.get(request), together.values[request]):
            raise ValueError(f"{where}: {request} asked alone gets another answer than asked together with {', '.join(requests)}")
    if _fingerprint(observation) != before:
        raise ValueError(f"{where}: the observation was changed; copy before writing")
    return bool(together.values)


def _same(a: Any, b: Any) -> bool:
    """Whether two answers hold the same values, also where they are arrays."""
    if type(a) is not type(b):
        return False
    if is_dataclass(a):
        return all(_same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(np.array_equal(a, b))


def _fingerprint(observation: Observation) -> bytes:
    past = observation.past
    arrays: list[np.ndarray] = [past.poses, past.times_s, past.valid, observation.future_times_s]
    for frame in observation.frames:
        for view in frame.cameras:
            arrays += [view.camera.K, view.camera.ego_from_camera]
            if isinstance(view.image, np.ndarray):
                arrays.append(view.image)
    return b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
