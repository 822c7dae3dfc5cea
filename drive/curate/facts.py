"""What passes judge a record by: measured once from its pictures, poses and target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.data.images import read_image
from drive.schema import CameraImage, MissingImage, SceneSample
from drive.tasks.decide import decision_of

SIZE = (320, 180)  # at which a picture is measured
THUMB = (16, 9)
BRIGHT = 250


@dataclass(frozen=True)
class PictureFacts:
    """A picture in numbers, of its grey values 0 to 255. p99: which 1 % are above. bright: the share of BRIGHT or more. sharp: variance of
    the Laplacian. thumb: 16 x 9 grey values as hex. hash: whether each of 8 x 8 fields is brighter than its right neighbour (dHash)."""

    mean: float
    std: float
    p99: float
    bright: float
    sharp: float
    thumb: str = field(repr=False)
    hash: int

    def thumbnail(self) -> NDArray[np.int64]:
        """Grey values [144]."""
        return np.frombuffer(bytes.fromhex(self.thumb), np.uint8).astype(np.int64)


@dataclass(frozen=True)
class RecordFacts:
    """A record. xy: of the car in its world, metres. decision: as task `decide` says it ("slower left"), "" where unknown. boxes: things
    around at t0 whose points are known; unseen: those without any. glances: by camera. unread: cameras whose picture does not decode."""

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

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> RecordFacts:
        """The inverse."""
        glances = {name: PictureFacts(**glance) for name, glance in values["glances"].items()}
        return RecordFacts(**{**values, "glances": glances, "xy": tuple(values["xy"]), "unread": tuple(values["unread"])})


def facts_of(sample: SceneSample) -> RecordFacts:
    """What is told of a record by its pictures at t0 and its target."""
    glances, unread = {}, []
    for view in sample.observation.frames[-1].cameras:
        try:
            glances[view.camera.name] = glance(_grey(view))
        except MissingImage:
            unread.append(view.camera.name)
    future, speed = sample.target.future, sample.observation.speed_mps
    decision = decision_of(future.poses, future.times_s, speed) if speed is not None and future.valid.all() else None
    boxes, unseen = _boxes(sample)
    x, y = sample.world_from_ego[:2, 3]
    where = (sample.token, sample.scene, sample.index, sample.timestamp_us, (float(x), float(y)))
    told = f"{decision.longitudinal} {decision.lateral}" if decision else ""
    return RecordFacts(*where, speed, sample.observation.yaw_rate_radps, told, boxes, unseen, glances, tuple(unread))


def glance(grey: NDArray[np.uint8]) -> PictureFacts:
    """A grey picture [H, W] in numbers."""
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int64)
    bits = (small[:, :-1] > small[:, 1:]).ravel()
    return PictureFacts(
        mean=round(float(grey.mean()), 3),
        std=round(float(grey.std()), 3),
        p99=float(np.percentile(grey, 99)),
        bright=round(float((grey >= BRIGHT).mean()), 4),
        sharp=round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 3),
        thumb=cv2.resize(grey, THUMB, interpolation=cv2.INTER_AREA).tobytes().hex(),
        hash=int("".join("1" if bit else "0" for bit in bits), 2),
    )


def scenes_of(records: Sequence[RecordFacts]) -> Iterator[list[int]]:
    """The places of each scene's records, in their order there; of records without a clock none follows another, and none is given."""
    order = sorted((i for i, r in enumerate(records) if r.timestamp_us > 0), key=lambda i: (records[i].scene, records[i].frame))
    for _, places in groupby(order, key=lambda i: records[i].scene):
        yield list(places)


def _grey(view: CameraImage) -> NDArray[np.uint8]:
    width, height = min(SIZE[0], view.camera.width), min(SIZE[1], view.camera.height)
    return np.asarray(cv2.cvtColor(read_image(view, width, height)[1], cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _boxes(sample: SceneSample) -> tuple[int, int]:
    agents = sample.target.agents
    if agents is None:
        return 0, 0
    points = agents.points[agents.valid[:, agents.now], agents.now]
    return int((points >= 0).sum()), int((points == 0).sum())
