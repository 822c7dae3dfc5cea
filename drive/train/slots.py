"""What slots should say of a sample's boxes and roads, and how far off they are (`drive.model.slots`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from drive.answers.boxes import CLASSES, Boxes
from drive.answers.roads import LaneLines
from drive.eval.chamfer import resampled
from drive.frames import Array
from drive.model.sensors.base import Encoded
from drive.model.sensors.pictures import View
from drive.model.slots import LANE_POINTS, TURN
from drive.tasks import Task
from drive.train.example import Example

NOTHING, NOT_TOLD = -1.0, -2.0  # on a patch: nothing; nobody says what, or no patch
BESIDE = 1.5  # patches: a thing whose centre lies so far out of a picture stands on the patch at its edge
ALONE = np.pi / 8  # radians: the width of a patch that has no other beside it
# Lin et al. 2017 (arXiv 1708.02002): what is told well already weighs little.
FOCUS = 2.0
LOG_BELL, TURN_BELL, METRE_BELL = 0.1, 0.1, 0.5  # errors below are squared, above absolute
PRESENCE_M = 2.0  # what a slot's probability counts beside metres where lanes are matched, and in the loss


@dataclass(frozen=True, eq=False)
class SlotTruth:
    """Of a batch: things [B, P, 3] float32, on each patch of t0 the number of a class, x, y; the first NOTHING or NOT_TOLD where there is
    none. lanes: of each item its nearest lanes [L, LANE_POINTS, 2] float32, None where they are not known."""

    things: Tensor
    lanes: tuple[Tensor | None, ...]

    def to(self, device: torch.device | str) -> SlotTruth:
        lanes = tuple(None if rows is None else rows.to(device) for rows in self.lanes)
        return SlotTruth(self.things.to(device), lanes)


def slot_truth(examples: Sequence[Example], tasks: Sequence[Task], trained: Sequence[int], most: int) -> SlotTruth:
    """most: lanes of an item at most."""
    boxes, lines = ([_answer(example, tasks, trained, kind) for example in examples] for kind in (Boxes, LaneLines))
    rows = [on_patches(value, example.prepared.parts["camera"][-1]) for value, example in zip(boxes, examples, strict=True)]
    longest = max(map(len, rows))
    things = np.stack([np.pad(row, [(0, longest - len(row)), (0, 0)], constant_values=NOT_TOLD) for row in rows])
    lanes = tuple(None if value is None else torch.from_numpy(nearest_lanes(value, most)) for value in lines)
    return SlotTruth(torch.from_numpy(things), lanes)


def _answer(example: Example, tasks: Sequence[Task], trained: Sequence[int], kind: type) -> Any:
    """The right answer of that type, turned as the example is; None where it is not known or not trained."""
    values = [(tasks[number], value) for number in trained for _, value in example.pairs[number][:1] if isinstance(value, kind)]
    return next((task.turned(value, example.angle) if example.angle else value for task, value in values), None)


def on_patches(boxes: Boxes | None, views: Sequence[View]) -> NDArray[np.float32]:
    """What stands on each patch of some pictures, [P, 3] as of `SlotTruth`: the patch whose ray passes a box's centre nearest. Where
    several stand on one, the nearest does. An answer that left things out does not say that there are none."""
    empty, pictures = NOTHING if boxes is not None and not boxes.left_out else NOT_TOLD, []
    for view in views:
        rays = view.rays.reshape(-1, 6).astype(np.float64)
        rows = np.full((len(rays), 3), empty, dtype=np.float32)
        for name, centre in _far_first(boxes):
            patch = _patch_of(centre, rays, view.rays.shape[1])
            if patch is not None:
                rows[patch] = CLASSES.index(name), *centre[:2]
        pictures.append(rows)
    return np.concatenate(pictures)


def _far_first(boxes: Boxes | None) -> list[tuple[str, Array]]:
    return [] if boxes is None else [(boxes.classes[k], boxes.centres[k]) for k in np.argsort(-boxes.distances_m, kind="stable")]


def _patch_of(point: Array, rays: Array, columns: int) -> int | None:
    """The patch whose ray [P, 6] (direction, moment) passes a point [3] nearest, seen from the camera; None out of the picture."""
    direction, moment = rays[:, :3], rays[:, 3:]
    apart = np.linalg.norm(np.cross(point, direction) - moment, axis=-1)
    along = np.maximum(direction @ point, 1e-6)
    angle = np.where((direction @ point > 0) & (np.abs(direction).sum(-1) > 0), np.arctan2(apart, along), np.pi)
    best = int(np.argmin(angle))
    beside = [k for k in (best - 1, best + 1) if k // columns == best // columns and np.abs(direction[k]).sum() > 0]
    pitch = min((float(np.arccos(np.clip(direction[best] @ direction[k], -1, 1))) for k in beside), default=ALONE)
    return best if angle[best] <= BESIDE * pitch else None


def nearest_lanes(value: LaneLines, most: int) -> NDArray[np.float32]:
    """The lanes that come nearest to the ego, each with its points evenly spaced, [L, LANE_POINTS, 2]."""
    lines = sorted(value.lines, key=lambda line: float(np.hypot(*line.T).min()))[:most]
    return np.array([resampled(line, LANE_POINTS) for line in lines], dtype=np.float32).reshape(-1, LANE_POINTS, 2)


def slots_loss(cameras: Encoded, truth: SlotTruth) -> dict[str, Tensor]:
    """The mean losses of a batch's things and lanes at t0, those of its slots that there are."""
    losses, now, told = {}, cameras.newest(), cameras.told
    if told is not None and told.things is not None:
        things = told.things[now]
        more = things.shape[1] - truth.things.shape[1]  # patches of earlier frames that have more pictures
        losses["things"] = things_loss(things, F.pad(truth.things, (0, 0, 0, more), value=NOT_TOLD))
    if told is not None and told.lanes is not None:
        known = [b for b, lanes in enumerate(truth.lanes) if lanes is not None]
        losses["lanes"] = lanes_loss(told.lanes[now][known], [lanes for lanes in truth.lanes if lanes is not None])
    return losses


def things_loss(told: Tensor, truth: Tensor) -> Tensor:
    """told [B, P, THING], truth [B, P, 3]: focal cross entropy of the classes, and the errors of distance (logarithm) and bearing of what
    there is, a thing."""
    logits, place = told.split([len(CLASSES), 2], -1)
    there = truth[..., 0] >= 0
    right = F.one_hot(truth[..., 0].long().clamp(min=0), len(CLASSES)) * there[..., None]
    probability = logits.sigmoid().detach()
    focus = torch.where(right > 0, 1 - probability, probability) ** FOCUS
    losses = F.binary_cross_entropy_with_logits(logits, right.to(logits), reduction="none") * focus
    classes = losses[truth[..., 0] != NOT_TOLD].sum()
    place, true = place[there], truth[there][:, 1:].to(place)
    cross, dot = place[:, 0] * true[:, 1] - place[:, 1] * true[:, 0], (place * true).sum(-1)
    far, true_far = (t.norm(dim=-1).clamp(min=0.5).log() for t in (place, true))
    errors = F.smooth_l1_loss(far, true_far, beta=LOG_BELL, reduction="sum")
    turn = torch.atan2(cross, dot) / TURN
    errors = errors + F.smooth_l1_loss(turn, torch.zeros_like(turn), beta=TURN_BELL, reduction="sum")
    return 2 * (classes + errors) / there.sum().clamp(min=1)


def lanes_loss(told: Tensor, truth: Sequence[Tensor]) -> Tensor:
    """told [B, K, LANE]; truth: of each item [L, LANE_POINTS, 2]. Slots are set against lanes by the best match; the mean error of a
    lane's points in metres, and the cross entropy of which slots hold one."""
    points, logits = told[..., 1:].unflatten(-1, (LANE_POINTS, 2)), told[..., 0]
    held, errors = torch.zeros_like(logits), [told.sum() * 0.0]
    for b, lanes in enumerate(truth):
        slots, rows = matched(points[b], logits[b], lanes)
        held[b, slots] = 1.0
        errors.append(F.smooth_l1_loss(points[b, slots], lanes[rows], beta=METRE_BELL, reduction="none").mean((1, 2)))
    count = held.sum().clamp(min=1)
    presence = F.binary_cross_entropy_with_logits(logits, held, reduction="sum") / max(held.numel(), 1)
    return torch.cat([e.reshape(-1) for e in errors]).sum() / count + PRESENCE_M * presence


def matched(points: Tensor, logits: Tensor, lanes: Tensor) -> tuple[Tensor, Tensor]:
    """Slots' points [K, LANE_POINTS, 2] and logits [K], lanes [L, LANE_POINTS, 2] -> numbers of slots and of their lanes, [min(K, L)]."""
    with torch.no_grad():
        cost = (points[:, None] - lanes[None]).abs().mean((2, 3)) - PRESENCE_M * logits.sigmoid()[:, None]
    slots, rows = linear_sum_assignment(cost.cpu().numpy())
    return torch.from_numpy(slots).to(points.device), torch.from_numpy(rows).to(points.device)
