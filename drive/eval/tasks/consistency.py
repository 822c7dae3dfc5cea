"""Whether answers of one request keep to each other: the plan to the decision, the light and the lead that were stated, and to the boxes.

None of this looks at a truth: a planner that states a wrong light and keeps to it is consistent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from drive.answers.boxes import Boxes
from drive.answers.decide import Decision
from drive.answers.see import Seen
from drive.eval.result import MetricResult, Result
from drive.eval.tasks.base import AcrossMetric
from drive.frames import Array
from drive.geometry import boxes_overlap, ego_boxes
from drive.schema import Observation
from drive.tasks.decide import decision_of
from drive.tasks.truths.line import OVER_M

Said = Mapping[str, Any]
STARTS_M, FREE_M, SLOW_MPS = 1.0, 15.0, 1.0
SURE = 0.5
KINDS: dict[str, type] = {"decide": Decision, "see": Seen, "boxes": Boxes, "plan": np.ndarray}
Kept = Callable[[Any, Array, Observation], bool | None]


def _results(needs: tuple[str, str], answers: Sequence[Said], observations: Sequence[Observation], **rules: Kept) -> list[Result]:
    """Each rule over N samples: 1 where the plan keeps to it, 0 where not, left out where it does not apply (None). A sample without both
    answers, or with one of another type, is failed and counts in none."""
    lost = np.array([not all(isinstance(said.get(name), KINDS[name]) for name in needs) for said in answers], dtype=bool)
    results: list[Result] = []
    for name, kept in rules.items():
        found = [None if gone else kept(said[needs[0]], said["plan"], o) for said, o, gone in zip(answers, observations, lost, strict=True)]
        valid = np.array([one is not None for one in found], dtype=bool)
        results.append(MetricResult(name, np.array([float(one or 0) for one in found]), valid, lost, ""))
    return results


def decide_plan(answers: Sequence[Said], observations: Sequence[Observation]) -> list[Result]:
    """Whether the decision stated is the one that the plan shows (`drive.tasks.decide.decision_of`), both halves and each alone."""

    def same(part: Callable[[Decision], Any]) -> Kept:
        def kept(decision: Decision, plan: Array, observation: Observation) -> bool | None:
            if observation.speed_mps is None:
                return None
            shown = decision_of(plan, observation.future_times_s, observation.speed_mps)
            return None if shown is None else part(decision) == part(shown)

        return kept

    halves = {"longitudinal_kept": same(lambda d: d.longitudinal), "lateral_kept": same(lambda d: d.lateral)}
    return _results(("decide", "plan"), answers, observations, decision_kept=same(lambda d: d), **halves)


def see_plan(answers: Sequence[Said], observations: Sequence[Observation]) -> list[Result]:
    """red_kept: with a red light stated the bumper does not get OVER_M over its line. green_goes: with the way stated free (may enter at a
    green light, nobody within FREE_M) and the car standing, the plan starts. lead_kept: the bumper stays behind the lead, which keeps its
    speed."""
    return _results(("see", "plan"), answers, observations, red_kept=_red_kept, green_goes=_green_goes, lead_kept=_lead_kept)


def _red_kept(seen: Seen, plan: Array, observation: Observation) -> bool | None:
    if seen.light is None or seen.light.colour != "red":
        return None
    return bool(_driven(plan)[-1] <= seen.light.distance_m + OVER_M)


def _green_goes(seen: Seen, plan: Array, observation: Observation) -> bool | None:
    stands = observation.speed_mps is not None and observation.speed_mps < SLOW_MPS
    enters = seen.light is not None and seen.light.colour == "green" and seen.line is not None and seen.line.may_enter
    free = "lead" in seen.parts and (seen.lead is None or seen.lead.gap_m > FREE_M)
    return bool(_driven(plan)[-1] >= STARTS_M) if stands and enters and free else None


def _lead_kept(seen: Seen, plan: Array, observation: Observation) -> bool | None:
    if seen.lead is None:
        return None
    room = seen.lead.gap_m + seen.lead.speed_mps * observation.future_times_s
    return bool((_driven(plan) <= np.maximum(room, 0.0)).all())


def boxes_plan(answers: Sequence[Said], observations: Sequence[Observation]) -> list[Result]:
    """boxes_clear: the car on its plan touches none of the boxes stated with a score of SURE or more, each going on as it was stated."""
    return _results(("boxes", "plan"), answers, observations, boxes_clear=_boxes_clear)


def _boxes_clear(boxes: Boxes, plan: Array, observation: Observation) -> bool | None:
    sure = boxes.take(boxes.scores >= SURE)
    if not len(sure):
        return None
    moved = sure.centres[None, :, :2] + observation.future_times_s[:, None, None] * sure.velocities[None]
    shape = (*moved.shape[:2], 1)
    others = np.concatenate(
        [moved, np.broadcast_to(sure.headings[None, :, None], shape), np.broadcast_to(sure.sizes[:, :2], moved.shape)], -1
    )
    return not boxes_overlap(ego_boxes(plan)[:, None], others).any()


def _driven(plan: Array) -> Array:
    """Metres driven forwards by each step of a plan [T, 3]; the bumper gets as far as the axle."""
    steps = np.diff(np.concatenate([np.zeros((1, 3)), plan]), axis=0)
    ahead = steps[:, 0] * np.cos(plan[:, 2]) + steps[:, 1] * np.sin(plan[:, 2])
    return np.cumsum(np.copysign(np.hypot(steps[:, 0], steps[:, 1]), ahead))


_LEGEND = "shares of the samples that it applies to, 0 .. 1; no truth is looked at"
CONSISTENCY = {
    "decide_plan": AcrossMetric(("decide", "plan"), decide_plan, ("decision_kept",), "the plan against the decision stated", {}, _LEGEND),
    "see_plan": AcrossMetric(
        ("see", "plan"), see_plan, ("red_kept", "green_goes", "lead_kept"), "the plan against what was stated", {}, _LEGEND
    ),
    "boxes_plan": AcrossMetric(
        ("boxes", "plan"), boxes_plan, ("boxes_clear",), "the plan against the boxes stated", {"score": SURE}, _LEGEND
    ),
}
