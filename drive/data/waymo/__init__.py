"""The Waymo perception (v1) adapter: a folder of tfrecord files -> scenes, without TensorFlow and without the waymo package.

tfrecord (framing, checksums) -> wire (protobuf's encoding) -> frames (the messages that are read) -> segments: a `SceneLog` each
"""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".tfrecord"
SPLITS = ("training", "validation", "testing", "train", "val", "test")


def is_waymo(root: Path) -> bool:
    """Whether a folder holds tfrecord files, or splits of them."""
    return any(True for folder in (root, *(root / name for name in SPLITS)) for _ in folder.glob(f"*{SUFFIX}"))
