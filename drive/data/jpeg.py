"""What libjpeg says of a damaged JPEG that it decodes all the same.

Pillow keeps libjpeg's warnings to itself; OpenCV's decoder lets them go to the process's standard error, where they are caught.
A flipped bit that leaves a valid stream of codes gives no warning: the picture is wrong and nothing but eyes can tell.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable

import cv2
import numpy as np

_LOCK = threading.Lock()


def jpeg_warnings(data: bytes) -> list[str]:
    """libjpeg's warnings for the bytes of a file, such as "Corrupt JPEG data: premature end of data segment"; empty where the file
    is no JPEG, where nothing was said, and where the process has no standard error to listen to."""
    if not data.startswith(b"\xff\xd8"):
        return []
    said = _standard_error_of(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8))
    others = [line for line in said if "JPEG" not in line]
    if others:
        print("\n".join(others), file=sys.stderr)
    return [line for line in said if "JPEG" in line]


def _standard_error_of(call: Callable[[], object]) -> list[str]:
    """Lines written to the file descriptor of standard error meanwhile."""
    with _LOCK, tempfile.TemporaryFile() as caught:
        try:
            kept = os.dup(2)
        except OSError:
            return []
        try:
            os.dup2(caught.fileno(), 2)
            call()
        except cv2.error:
            pass  # Pillow's decoder is the judge of what decodes
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        caught.seek(0)
        return [line for line in caught.read().decode(errors="replace").splitlines() if line.strip()]
