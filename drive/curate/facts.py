"""What passes judge a record by: measured once from its pictures, poses and target."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from drive.cameras import resized
from drive.curate.labels import label_scores, surroundings
from drive.curate.pictures import SIZE, Grey, PictureFacts, glance
from drive.curate.rigs import box_fit, calibration
from drive.data.images import read_image
from drive.frames import Array, heading_of
from drive.schema import Agents, CameraImage, MissingImage, SceneSample
from drive.tasks.decide import decision_of

Fit = tuple[int, tuple[float, ...], tuple[float, ...]]  # as `drive.curate.rigs.box_fit` gives it


@dataclass(frozen=True)
class RecordFacts:
    """A record. xy, heading_rad: of the car in its world, metres. decision: as task `decide` says it ("slower left"), "" where unknown.
    future: times, x and y [T][3] of what is recorded, in the ego frame. boxes: things around at t0 whose points are known; unseen: those
    without any. scores: of labels (`drive.curate.labels.label_scores`). around: words on it (`surroundings`). glances, rig, fit: by
    camera (`drive.curate.pictures`, `drive.curate.rigs`). unread: cameras whose picture does not decode. texts: as
    `drive.data.records.texts` finds them; records share what is equal. embedding: what a network makes of the pictures, where the recipe
    names one (`drive.curate.embedding`)."""

    id: str
    scene: str
    frame: int
    timestamp_us: int
    xy: tuple[float, float]
    speed_mps: float | None = None
    yaw_rate_radps: float | None = None
    decision: str = ""
    boxes: int = 0
    unseen: int = 0
    glances: Mapping[str, PictureFacts] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    source: str = ""
    heading_rad: float = 0.0
    command: str = ""
    future: tuple[tuple[float, float, float], ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    around: tuple[str, ...] = ()
    rig: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    fit: Mapping[str, Fit] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    embedding: str = field(repr=False, default="")

    @property
    def drive(self) -> tuple[str, str]:
        """Source and scene: data sets may name different drives alike."""
        return self.source, self.scene

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"glances": {name: vars(g) for name, g in self.glances.items()}}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> RecordFacts:
        """The inverse."""
        own = dict(values)
        own["glances"] = {name: PictureFacts(**_tuples(glance)) for name, glance in own["glances"].items()}
        own["rig"], own["fit"] = ({name: _tuple(one) for name, one in own[key].items()} for key in ("rig", "fit"))
        own["texts"] = tuple(map(sys.intern, own["texts"]))
        return RecordFacts(**_tuples(own))


def facts_of(sample: SceneSample, source: str = "", texts: tuple[str, ...] = ()) -> RecordFacts:
    """What is told of a record by its pictures at t0 and its target; source: the data set that it is from; texts: the record's."""
    views = sample.observation.frames[-1].cameras
    glances, fit, unread = _seen(views, sample.target.agents)
    future, speed = sample.target.future, sample.observation.speed_mps
    decision = decision_of(future.poses, future.times_s, speed) if speed is not None and future.valid.all() else None
    boxes, unseen = _boxes(sample)
    x, y = sample.world_from_ego[:2, 3]
    return RecordFacts(
        id=sample.token,
        scene=sample.scene,
        frame=sample.index,
        timestamp_us=sample.timestamp_us,
        xy=(float(x), float(y)),
        speed_mps=speed,
        yaw_rate_radps=sample.observation.yaw_rate_radps,
        decision=f"{decision.longitudinal} {decision.lateral}" if decision else "",
        boxes=boxes,
        unseen=unseen,
        glances=glances,
        unread=unread,
        source=source,
        heading_rad=float(heading_of(sample.world_from_ego[:3, :3])),
        command=sample.observation.command or "",
        future=_rounded(np.column_stack([future.times_s, future.poses[:, :2]])[future.valid]),
        scores={name: round(value, 3) for name, value in label_scores(sample).items()},
        around=surroundings(sample),
        rig={view.camera.name: calibration(view) for view in views},
        fit=fit,
        texts=texts,
    )


def _seen(views: Sequence[CameraImage], agents: Agents | None) -> tuple[dict[str, PictureFacts], dict[str, Fit], tuple[str, ...]]:
    glances, fit, unread = {}, {}, []
    for view in views:
        try:
            grey = _grey(view)
        except MissingImage:
            unread.append(view.camera.name)
            continue
        glances[view.camera.name] = glance(grey)
        found = (0, (), ()) if agents is None else box_fit(grey, resized(view.camera, grey.shape[1], grey.shape[0]), agents)
        if found[0]:
            fit[view.camera.name] = found
    return glances, fit, tuple(unread)


def _rounded(rows: Array) -> tuple[tuple[float, float, float], ...]:
    return tuple((t, x, y) for t, x, y in np.round(rows, 3).tolist())


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in values.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(one) for one in value) if isinstance(value, list) else value


def scenes_of(records: Sequence[RecordFacts]) -> Iterator[list[int]]:
    """The places of each scene's records, in their order there; of records without a clock none follows another, and none is given."""
    order = sorted((i for i, r in enumerate(records) if r.timestamp_us > 0), key=lambda i: (records[i].drive, records[i].frame))
    for _, places in groupby(order, key=lambda i: records[i].drive):
        yield list(places)


def _grey(view: CameraImage) -> Grey:
    width, height = min(SIZE[0], view.camera.width), min(SIZE[1], view.camera.height)
    return np.asarray(cv2.cvtColor(read_image(view, width, height)[1], cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _boxes(sample: SceneSample) -> tuple[int, int]:
    agents = sample.target.agents
    if agents is None:
        return 0, 0
    points = agents.points[agents.valid[:, agents.now], agents.now]
    return int((points >= 0).sum()), int((points == 0).sum())
