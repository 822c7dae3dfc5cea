"""Facts made up for tests: a drive with pictures of noise that moves, every value of it as a sound one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.pictures import glance

CAMERAS = ("CAM_FRONT", "CAM_BACK")


def picture(seed: int) -> NDArray[np.uint8]:
    """A grey picture [180, 320] with structure from coarse to fine."""
    rng = np.random.default_rng(seed)
    parts = [cv2.resize(rng.uniform(0, 255, (h, 2 * h)), (320, 180), interpolation=cv2.INTER_LINEAR) for h in (6, 45, 180)]
    return np.asarray(np.mean(parts, 0), dtype=np.uint8)


def drive(count: int = 12, speed: float = 8.0, scene: str = "a") -> list[RecordFacts]:
    """Records half a second apart; the car goes straight on."""
    return [
        RecordFacts(
            id=f"{scene}{k}",
            scene=scene,
            frame=k,
            timestamp_us=10**12 + 500_000 * k,
            xy=(0.5 * speed * k, 3.0),
            speed_mps=speed,
            yaw_rate_radps=0.0,
            decision="steady straight",
            boxes=10,
            unseen=2,
            glances={name: glance(picture(100 * k + number + 7 * len(scene))) for number, name in enumerate(CAMERAS)},
        )
        for k in range(count)
    ]


def shown(record: RecordFacts, grey: NDArray[np.uint8], camera: str = "CAM_BACK") -> RecordFacts:
    """The record with another picture in a camera."""
    return replace(record, glances={**record.glances, camera: glance(grey)})


def dropped(one: Pass, records: list[RecordFacts]) -> dict[int, Judged]:
    """The places that a pass drops."""
    found = one.judge(records)
    assert len(found) == len(records)
    return {i: finding for i, finding in enumerate(found) if finding.reason}
