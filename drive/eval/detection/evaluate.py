"""Submissions scored on a data set as nuScenes' detection benchmark does: `drive eval DATA --detections results.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from drive.answers.boxes import CLASS_OF, CLASSES
from drive.asking import Refusal, asked
from drive.data.nuscenes.annotated import Annotated
from drive.eval.detection.match import THRESHOLDS_M, match
from drive.eval.detection.score import LEAST_PRECISION, LEAST_RECALL, detection
from drive.eval.detection.submission import MOST_BOXES, Submission, Submitted
from drive.eval.detection.table import ATTRIBUTES, BoxTable
from drive.eval.entries import unique_name
from drive.eval.report import Report, Scores
from drive.eval.tasks.base import TaskRules
from drive.eval.tasks.boxes import pooled_detection
from drive.frames import Array, heading_of, invert_se3, transform_points
from drive.progress import SILENT, Progress

PROTOCOL = "nuscenes-detection"
RACK = "static_object.bicycle_rack"
PARKED_IN_RACKS = [CLASSES.index(name) for name in ("bicycle", "motorcycle")]
RULES = TaskRules(
    PROTOCOL,
    "nuscenes-devkit d9de17a, detection_cvpr_2019",
    {
        "thresholds_m": list(THRESHOLDS_M),
        "least_recall_precision": [LEAST_RECALL, LEAST_PRECISION],
        "most_boxes": MOST_BOXES,
        "left_out": "beyond 50/40/30 m by class, without LiDAR or radar points, bicycles and motorcycles in racks",
    },
    window=None,
    main=("map", "nds", "map_present", "mate", "mase", "maoe", "mave", "maae"),
    legend="scores are 0 .. 1, larger is better; mate m, mase 1 - IoU, maoe rad, mave m/s, maae 1 - accuracy, smaller is better",
)


class AnnotatedSamples(Protocol):
    """A data set that has whole annotations."""

    tokens: tuple[str, ...]
    all_tokens: tuple[str, ...]
    name: str

    def annotated(self, token: str) -> Annotated: ...

    def scene_of(self, token: str) -> str: ...


def score_submissions(dataset: AnnotatedSamples, submissions: Sequence[Submission], progress: Progress = SILENT) -> Report:
    """Scores submissions on every sample of a data set in nuScenes format. A sample without usable boxes is a failed one, counted as one
    with none (the devkit refuses the whole file)."""
    tokens = dataset.tokens
    progress.begin("reading annotations", len(tokens))
    truths, racks, egos = [], [], []
    for token in tokens:
        truth = dataset.annotated(token)
        truths.append(_kept(_true_boxes(truth), _racks(truth), truth.ego))
        racks.append(_racks(truth))
        egos.append(truth.ego)
        progress.done()
    true = _table(truths, range(len(tokens)))
    scenes = tuple(dataset.scene_of(token) for token in tokens)
    scores, failures = [], []
    names: list[str] = []
    for submission in submissions:
        names.append(unique_name(submission.name, names))
        told, reasons = _answers(submission, tokens)
        kept = [_kept(boxes, rack, ego) for boxes, rack, ego in zip(told, racks, egos, strict=True)]
        progress.begin(f"scoring {names[-1]}")
        matches = match(true, _table(kept, _file_order(submission, tokens)))
        lost = np.array([token in reasons for token in tokens], dtype=bool)
        results = pooled_detection(lambda weights, m=matches: detection(m, weights), np.ones(len(tokens), dtype=bool), lost)  # type: ignore[misc]
        scores.append(Scores(names[-1], RULES, {result.name: result for result in results}, tokens, scenes))
        failures += [{"planner": names[-1], "token": token, "reason": reason} for token, reason in reasons.items()]
        strangers = sorted(set(submission.results) - set(dataset.all_tokens))
        failures += [{"planner": names[-1], "token": token, "reason": "not a sample of this data set"} for token in strangers]
    return Report(scores, failures, names, {"samples": len(tokens), "protocols": [PROTOCOL]})


def _answers(submission: Submission, tokens: Sequence[str]) -> tuple[list[Submitted], dict[str, str]]:
    found, reasons = [], {}
    for token in tokens:
        boxes = asked(lambda: submission.boxes(token))  # noqa: B023 - asked at once
        if isinstance(boxes, Refusal):
            reasons[token] = boxes.reason
            boxes = _submitted_nothing()
        found.append(boxes)
    return found, reasons


def _submitted_nothing() -> Submitted:
    ids, rows = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    return Submitted(ids, ids, rows, rows, np.zeros(0), np.zeros((0, 2)), np.zeros(0))


def _true_boxes(truth: Annotated) -> Submitted:
    """The annotations that are of a class and have points."""
    counted = np.array([name in CLASS_OF for name in truth.categories], dtype=bool) & (truth.points != 0)
    rows = np.flatnonzero(counted)
    return Submitted(
        kind=np.array([CLASSES.index(CLASS_OF[truth.categories[k]]) for k in rows], dtype=np.int64),
        attribute=np.array([ATTRIBUTES.index(truth.attributes[k]) if truth.attributes[k] else -1 for k in rows], dtype=np.int64),
        translation=truth.world_from_box[rows, :3, 3],
        size=truth.sizes[rows],
        yaw=np.asarray(heading_of(truth.world_from_box[rows])).reshape(-1),
        velocity=truth.velocities[rows],
        score=np.ones(len(rows)),
    )


def _racks(truth: Annotated) -> list[tuple[Array, Array]]:
    """Bicycle racks: box_from_world and half the size of each."""
    rows = [k for k, name in enumerate(truth.categories) if name == RACK]
    return [(invert_se3(truth.world_from_box[k]), truth.sizes[k] / 2) for k in rows]


def _kept(boxes: Submitted, racks: list[tuple[Array, Array]], ego: Array) -> tuple[Submitted, Array]:
    """Without what stands in a rack, and the distances from the ego."""
    inside = np.zeros(len(boxes.kind), dtype=bool)
    for box_from_world, half in racks:
        inside |= (np.abs(transform_points(box_from_world, boxes.translation)) <= half).all(-1)
    keep = ~(inside & np.isin(boxes.kind, PARKED_IN_RACKS))
    kept = Submitted(**{name: values[keep] for name, values in vars(boxes).items()})
    return kept, np.hypot(*(kept.translation[:, :2] - ego[:2]).T)


def _file_order(submission: Submission, tokens: Sequence[str]) -> list[int]:
    """The samples in the file's order, which decides between boxes of equal scores."""
    place = {token: i for i, token in enumerate(submission.results)}
    return sorted(range(len(tokens)), key=lambda i: place.get(tokens[i], len(place)))


def _table(rows: Sequence[tuple[Submitted, Array]], order: Sequence[int]) -> BoxTable:
    """The boxes of all samples, with their distances, in an order of samples, as far as they are in range."""
    boxes = [rows[i][0] for i in order]

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(one, name) for one in boxes])

    return BoxTable(
        sample=np.repeat(np.asarray(order, dtype=np.int64), [len(one.kind) for one in boxes]),
        kind=column("kind"),
        xy=column("translation")[:, :2],
        size=column("size"),
        yaw=column("yaw"),
        velocity=column("velocity"),
        score=column("score"),
        attribute=column("attribute"),
        distance=np.concatenate([rows[i][1] for i in order]),
    ).in_range()
