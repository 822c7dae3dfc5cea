"""The detectors that come with OpenCV (Haar cascades of 2001's kind), for `--blur`: small and quick, and far from finding all
(docs/records.md tells what was measured)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


class _Cascade:
    FILE, NEIGHBOURS, LEAST = "", 5, (20, 20)

    def __init__(self) -> None:
        self._cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}{self.FILE}")  # type: ignore[attr-defined]
        if self._cascade.empty():
            raise ValueError(f"this OpenCV comes without {self.FILE}: pip install opencv-python-headless")

    def find(self, picture: NDArray[np.uint8]) -> Any:
        """As `drive.records.blur.Detector`."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        found = self._cascade.detectMultiScale(grey, 1.1, self.NEIGHBOURS, minSize=self.LEAST)
        return [(x, y, x + w, y + h) for x, y, w, h in found]


class Faces(_Cascade):
    """Faces seen from the front."""

    FILE = "haarcascade_frontalface_default.xml"


class Plates(_Cascade):
    """Number plates, learned from Russian ones."""

    FILE, LEAST = "haarcascade_russian_plate_number.xml", (30, 10)
