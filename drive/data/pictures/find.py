"""Which pictures each camera of a rig has in a folder, and when they were taken."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.data.images import DECODE_ERRORS, opened, turned_by
from drive.data.paths import inside
from drive.data.pictures.told import RIG
from drive.data.rig_files import RigFile
from drive.data.video import video_facts
from drive.schema import VideoPicture

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
VIDEOS = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"})
# Digits of a time stamp since 1970, by its unit: seconds, milliseconds, microseconds, nanoseconds.
STAMPS = {10: 10**6, 13: 10**3, 16: 1, 19: -(10**3)}
# Videos of one drive may end so far from one another.
ENDS_APART_S = 0.5
LISTED = 8

Clock = Literal["stamps", "numbers", "order", "video"]
CLOCKS: dict[Clock, str] = {"stamps": "time stamps", "numbers": "numbers", "order": "names without numbers", "video": "a video"}


@dataclass(frozen=True, eq=False)
class Stream:
    """One camera's pictures in time order. images, names: N each. clock: what tells their times; times_us [N]: microseconds since 1970
    for stamps, numbers and places for numbers and order (nobody said how many there are a second), microseconds from 0 for a video.
    ego_from_camera of the camera is its mount on the car."""

    camera: Camera
    images: tuple[Path | VideoPicture, ...]
    names: tuple[str, ...]
    clock: Clock
    times: NDArray[np.int64]


def is_pictures(root: Path) -> bool:
    """Whether a folder looks like own pictures: it has a rig's file, or pictures or videos in it or in its folders."""
    return (root / RIG).is_file() or next(_places(root), None) is not None


def places(root: Path) -> list[str]:
    """Names under which a folder seems to hold a camera's pictures each: folders with pictures, videos, what names begin with."""
    return sorted(set(_places(root)))


def _places(root: Path) -> Iterator[str]:
    for path in root.iterdir():
        if path.is_dir() and not path.name.startswith(".") and any(_is(one, PICTURES) for one in path.iterdir()):
            yield path.name
        elif _is(path, VIDEOS):
            yield path.stem
        elif _is(path, PICTURES) and (name := re.sub(r"[^A-Za-z0-9]*[0-9.]*$", "", path.stem)):
            yield name


def find_stream(root: Path, camera: Camera, place: str, taken: Collection[str] = ()) -> Stream:
    """The pictures that a camera has under a name: in a folder, in files whose names begin with it, or in a video. taken: names under
    which cameras of the rig have theirs.

    Raises ValueError where there are none or in two ways, where names do not tell an order, or where the first picture's size is not
    the camera's.
    """
    folder = inside(root, place)
    ways: list[tuple[str, list[Path]]] = [
        (f"the folder {place}/", _listed(folder, PICTURES)),
        (f"pictures {place}*", [path for path in _listed(folder.parent, PICTURES) if _belongs(path, folder.name)]),
        ("a video", [path for path in _listed(folder.parent, VIDEOS) if path.stem == folder.name]),
    ]
    there = [(what, paths) for what, paths in ways if paths]
    if not there:
        raise ValueError(f"{camera.name}: {_nothing_of(root, place, folder, taken)}")
    if len(there) > 1 or len(paths := there[0][1]) > 1 and there[0][0] == "a video":
        raise ValueError(f"{camera.name} has pictures in several ways: {', '.join(what for what, _ in there)} of {root}; keep one")
    for path in paths:
        if path.is_symlink():
            inside(root, str(path.relative_to(root.resolve())))
    stream = _of_video(camera, paths[0]) if paths[0].suffix.lower() in VIDEOS else _of_files(camera, paths, place)
    _require_size(stream)
    return stream


def find_streams(root: Path, rig: RigFile) -> list[Stream]:
    """The pictures of all cameras, in the rig's order. Raises ValueError as `find_stream`, and where they do not belong together."""
    streams = [find_stream(root, camera, place, rig.pictures) for camera, place in zip(rig.cameras, rig.pictures, strict=True)]
    require_together(streams)
    return streams


def require_together(streams: Sequence[Stream]) -> None:
    """Raises ValueError, naming the first picture that has no partner, where the k-th pictures of cameras are not of one moment."""
    first = streams[0]
    for other in streams[1:]:
        if first.clock != other.clock:
            told = f"{first.camera.name} has {CLOCKS[first.clock]}, {other.camera.name} has {CLOCKS[other.clock]}"
            raise ValueError(f"{told}: give all cameras' pictures in one way")
        if first.clock == "video":
            ends = [stream.times[-1] / 1e6 for stream in (first, other)]
            if abs(ends[0] - ends[1]) > ENDS_APART_S:
                told = f"{first.camera.name} lasts {ends[0]:.2f} s, {other.camera.name} {ends[1]:.2f} s"
                raise ValueError(f"the videos do not end together: {told}; cut them to begin and end at the same moments")
            continue
        lone = _without_partner(first, other)
        if lone is not None:
            counts = f"{first.camera.name} has {len(first.times)} pictures, {other.camera.name} {len(other.times)}"
            raise ValueError(f"{counts}, which do not pair up: {lone}; each moment needs one picture of every camera")


def _without_partner(first: Stream, other: Stream) -> str | None:
    """The first picture without a partner in the other stream, in words."""
    if first.clock == "order":
        return "one has more than the other" if len(first.times) != len(other.times) else None
    slack = 0.0
    if first.clock == "stamps":
        steps = np.concatenate([np.diff(first.times), np.diff(other.times)])
        slack = float(np.median(steps)) / 2 if len(steps) else np.inf
    for a, b in ((first, other), (other, first)):
        near = np.abs(a.times[:, None] - b.times[np.clip(np.searchsorted(b.times, a.times)[:, None] + [-1, 0], 0, len(b.times) - 1)])
        lone = np.flatnonzero(near.min(1) > slack)
        if len(lone):
            return f"{a.names[lone[0]]} of {a.camera.name} has none in {b.camera.name}"
    return "several lie at one moment" if len(first.times) != len(other.times) else None


def _is(path: Path, suffixes: Iterable[str]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()


def _listed(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _is(path, suffixes)) if folder.is_dir() else []


def _belongs(path: Path, name: str) -> bool:
    """Whether a file's name is a camera's name, and a number where there are several: CAM_FRONT_0001, not CAM_FRONT_LEFT_0001."""
    return path.stem.startswith(name) and re.fullmatch(r"(?:[^A-Za-z0-9]*[0-9]+[^A-Za-z]*)?", path.stem[len(name) :]) is not None


def _nothing_of(root: Path, place: str, folder: Path, taken: Collection[str]) -> str:
    if folder.is_dir():
        return f"{folder} holds no pictures ({' '.join(sorted(PICTURES))})"
    found = places(root) if root.is_dir() else []
    free = [name for name in found if name not in taken]
    there = f"; there are {', '.join(found[:LISTED])}, which are other cameras' of the rig: leave this one out of it" if found else ""
    if free:
        there = f"; there are {', '.join(free[:LISTED])}: say in the rig which is its, such as `pictures: {free[0]}`"
    return f"no pictures in {root}: expected a folder {place}/, files {place}_0001.jpg, or a video {place}.mp4{there}"


def _of_video(camera: Camera, path: Path) -> Stream:
    times = video_facts(path).times_us
    images = tuple(VideoPicture(path, k) for k in range(len(times)))
    return Stream(camera, images, tuple(f"{path.stem}@{time / 1e6:.3f}" for time in times), "video", times)


def _of_files(camera: Camera, paths: list[Path], place: str) -> Stream:
    """Files by what the last digits of their names say."""
    found = [re.search(r"([0-9]+)(?:\.([0-9]+))?[^0-9]*$", path.stem) for path in paths]
    told = [match for match in found if match is not None]
    if not told:
        return Stream(camera, tuple(paths), tuple(path.stem for path in paths), "order", np.arange(len(paths)))
    if len(told) < len(paths):
        lone = paths[found.index(None)]
        raise ValueError(f"{camera.name}: the name {lone.name} holds no number, others do: number all pictures, or none")
    stamps = all(len(match[1]) in STAMPS and match[1][0] != "0" for match in told)
    times = np.array([_stamp_us(match[1], match[2] or "") if stamps else _number(match, camera) for match in told], dtype=np.int64)
    order = np.argsort(times, kind="stable")
    twins = np.flatnonzero(np.diff(times[order]) == 0)
    if len(twins):
        a, b = (paths[order[twins[0] + k]].name for k in (0, 1))
        raise ValueError(f"{camera.name}: {a} and {b} are of one moment; keep one")
    ordered = [paths[i] for i in order]
    names = tuple(path.stem for path in ordered)
    return Stream(camera, tuple(ordered), names, "stamps" if stamps else "numbers", times[order])


def _number(match: re.Match[str], camera: Camera) -> int:
    if match[2] or len(match[1]) > 18:
        raise ValueError(f"{camera.name}: the name {match.string} ends in {match[0]}, neither a number nor a time stamp since 1970")
    return int(match[1])


def _stamp_us(whole: str, fraction: str) -> int:
    """A stamp of `STAMPS` digits, and digits behind a point -> microseconds since 1970."""
    by = STAMPS[len(whole)]
    if by < 0:
        return int(whole) // -by
    return int(whole) * by + (round(float(f"0.{fraction}") * by) if fraction else 0)


def _require_size(stream: Stream) -> None:
    """The first picture's size is the camera's; those of others show when they are read, and to `drive check`."""
    first, camera = stream.images[0], stream.camera
    size, turned = picture_size(first)
    if size != (camera.width, camera.height):
        told = f"{first.name}{turned} is {size[0]}x{size[1]}, the rig says {camera.width}x{camera.height}"
        raise ValueError(f"{camera.name}: {told}: give the calibration of the pictures as they are (size, focal, centre together)")


def picture_size(image: Path | VideoPicture) -> tuple[tuple[int, int], str]:
    """Width and height, and words where EXIF turns it. Raises ValueError where it does not open."""
    if isinstance(image, VideoPicture):
        facts = video_facts(image.path)
        return (facts.width, facts.height), ""
    try:
        picture = opened(image.read_bytes())
    except DECODE_ERRORS as error:
        raise ValueError(f"{image} is no picture that can be read: {error}") from error
    return picture.size, turned_by(picture)
