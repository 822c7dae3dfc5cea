"""The numbers of a scene's rows as columns, read from their bytes by compiled code and not parsed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.data.nuscenes.index.lookup import IndexedTables
from drive.data.nuscenes.index.number_kernel import integers, numbers
from drive.data.nuscenes.index.row_kernel import key_bytes, pick
from drive.data.nuscenes.tables import Record
from drive.frames import Array

Whole = NDArray[np.int64]


class Columns:
    """Fields of some rows of a table. Raises ValueError where a row is not plain or lacks one, or a value is of another kind."""

    def __init__(self, tables: IndexedTables, table: str, rows: NDArray[np.integer[Any]], fields: tuple[str, ...]) -> None:
        self._data, begins, ends = tables.gathered(table, rows)
        self._text, self._fields = np.frombuffer(self._data, np.uint8), fields
        self._found = np.empty((len(rows), 2 + 2 * len(fields)), np.int64)
        self._found[:, 0], self._found[:, 1] = begins, ends
        if not pick(self._text, *key_bytes(fields), self._found):
            raise ValueError(f"a row of {table} is not plain, or lacks one of {', '.join(fields)}")

    def _places(self, field: str) -> Whole:
        first = 2 + 2 * self._fields.index(field)
        return np.ascontiguousarray(self._found[:, first : first + 2])

    def numbers(self, field: str, count: int) -> Array:
        """[N, count] finite numbers, nearly to the last place."""
        values = np.empty((len(self._found), count))
        if not numbers(self._text, self._places(field), values) or not np.isfinite(values).all():
            raise ValueError(f"a {field} is not {count} numbers")
        return values

    def integers(self, field: str) -> Whole:
        """[N] whole numbers from 0 on."""
        values = np.empty(len(self._found), np.int64)
        if not integers(self._text, self._places(field), values):
            raise ValueError(f"a {field} is no whole number")
        return values

    def texts(self, field: str) -> list[str]:
        """[N] texts."""
        places = self._places(field)
        if (self._text[places[:, 0] - 1] != ord('"')).any():
            raise ValueError(f"a {field} is no text")
        text = self._data.decode("latin-1")
        return [text[begin:end] for begin, end in places.tolist()]


class SceneColumns(NamedTuple):
    """A scene's F key frames, D rows of their data and B boxes.

    sample [D], box_sample [B]: of which key frame (0 to F - 1) a row is. calibration [D]: which of the scene's calibrations `mounts` [C],
    whose channels are `channels` [C]. size [D, 2]: width, height. Stamps in us: frame_stamp [F], stamp [D], pose_stamp [D] of the poses.
    pose_at [D]: where a pose's row begins, to tell which are one. place [D, 3] m, quaternion [D, 4] (w, x, y, z) of the poses, box_place,
    box_size (width, length, height), box_quaternion [B, ...]: in the world. beside [B, 2]: the boxes before and after a box on its
    track, -1: none.
    """

    sample: Whole
    calibration: Whole
    mounts: list[Record]
    channels: list[str]
    size: Whole
    frame_stamp: Whole
    stamp: Whole
    pose_stamp: Whole
    pose_at: Whole
    place: Array
    quaternion: Array
    box_sample: Whole
    box_place: Array
    box_size: Array
    box_quaternion: Array
    instance: Whole
    category: list[str]
    beside: Whole


def scene_columns(tables: IndexedTables, number: int, categories: list[str]) -> SceneColumns:
    """A scene by its number; categories: the names of all. Raises ValueError where rows are not plain, a key frame has no data, a channel
    twice or no pose, or its rows and another scene's point to each other."""
    samples = tables.frames(number)
    frames = Columns(tables, "sample", samples, ("scene_token", "timestamp"))
    if {*frames.texts("scene_token")} != {tables.scene[number]["token"]}:
        raise ValueError("a sample is another scene's")
    rows, sample = _rows(tables, "sample_data", samples)
    used, calibration = np.unique(tables["sample_data.calibration"][rows], return_inverse=True)
    mounts = tables.rows("calibrated_sensor", used)
    channels = [tables.get("sensor", row["sensor_token"])["channel"] for row in mounts]
    kinds = np.array([channels.index(channel) for channel in channels])[calibration]
    once = len(np.unique(sample * len(channels) + kinds)) == len(sample)
    if len(np.unique(sample)) != len(samples) or not once or not (tables["ego_pose.size"][rows] > 0).all():
        raise ValueError("a key frame has no data, a channel twice or no pose")
    data = Columns(tables, "sample_data", rows, ("timestamp", "width", "height"))
    poses = Columns(tables, "ego_pose", rows, ("timestamp", "translation", "rotation"))
    boxes, box_sample = _rows(tables, "sample_annotation", samples)
    tracks = Columns(tables, "sample_annotation", boxes, ("token", "prev", "next", "translation", "size", "rotation"))
    instance = tables["sample_annotation.instance"][boxes]
    return SceneColumns(
        sample=sample,
        calibration=calibration,
        mounts=mounts,
        channels=channels,
        size=np.stack([data.integers("width"), data.integers("height")], 1),
        frame_stamp=frames.integers("timestamp"),
        stamp=data.integers("timestamp"),
        pose_stamp=poses.integers("timestamp"),
        pose_at=tables["ego_pose.at"][rows],
        place=poses.numbers("translation", 3),
        quaternion=poses.numbers("rotation", 4),
        box_sample=box_sample,
        box_place=tracks.numbers("translation", 3),
        box_size=tracks.numbers("size", 3),
        box_quaternion=tracks.numbers("rotation", 4),
        instance=instance,
        category=[categories[n] for n in tables["instance.category"][instance].tolist()],
        beside=_beside(tracks),
    )


def _rows(tables: IndexedTables, table: str, samples: NDArray[np.int32]) -> tuple[Whole, Whole]:
    """The rows of some samples, and of which of them each is."""
    start = tables[f"{table}.start"]
    return tables.of_samples(table, samples), np.repeat(np.arange(len(samples)), start[samples + 1] - start[samples])


def _beside(tracks: Columns) -> Whole:
    at = {token: n for n, token in enumerate(tracks.texts("token"))}
    if "" in at:
        raise ValueError("a token is empty")
    at[""] = -1
    try:
        return np.array([[at[token] for token in tracks.texts(way)] for way in ("prev", "next")], np.int64).T
    except KeyError as error:
        raise ValueError("a box points to another scene's") from error
