"""Part of `drive check`: what is wrong with a folder of own pictures, and what it was taken for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive.cameras import share_without_ray
from drive.data.check.report import CheckReport
from drive.data.conventions import Shot
from drive.data.conventions.rigs import rig_findings
from drive.data.images import DECODE_ERRORS, UPRIGHT, decode, opened, turned_by
from drive.data.jpeg import jpeg_warnings
from drive.data.pictures.dataset import PicturesDataset
from drive.data.pictures.find import CLOCKS, Stream, find_stream, places
from drive.data.pictures.judged import REFUSED
from drive.data.pictures.told import NOTHING, ToldBeside
from drive.data.rig_files import RigFile, read_rig_file

# A picture is decoded at an eighth of its size: that reads all of its data.
DECODE_FRACTION = 8
# A step between pictures of this many usual steps is told.
LONG_STEP = 1.75


def check_pictures(root: Path, told: ToldBeside = NOTHING) -> CheckReport:
    """The rig, every picture, times, and the files beside. Where cameras are at fault each is named, as far as one can tell.

    Raises ValueError where there is no rig's file, or it describes none: nothing else can be judged then.
    """
    if not root.is_dir():
        raise ValueError(f"no pictures at {root}: no such folder")
    report = CheckReport(root, "own pictures")
    path = told.rig_of(root)
    rig = read_rig_file(path)
    _check_rig(report, path.name, rig)
    streams = list(_streams(report, rig))
    for stream in streams:
        _check_stream(report, stream)
    if len(streams) == len(rig.cameras):
        _check_whole(report, told)
    _check_others(report, rig)
    return report


def _check_rig(report: CheckReport, name: str, rig: RigFile) -> None:
    """Cameras that stand or look as none does on a car (`drive.data.conventions`), and lenses that fold over."""
    report.counts["cameras"] = len(rig.cameras)
    for finding in rig_problems(rig):
        report.error(finding[0], name, finding[1], finding[2], finding[3])
    for camera in rig.cameras:
        if share := share_without_ray(camera.K, camera.width, camera.height, camera.model, camera.distortion):
            message = f"folds over within the picture: {share:.1%} of it, in the corners, has no ray"
            report.warn("distortion folds over", name, camera.name, "distortion", message)


def rig_problems(rig: RigFile) -> list[tuple[str, str, str, str]]:
    """Kind, camera, key and message of what looks like another convention."""
    from scipy.spatial.transform import Rotation

    keys = {"translation": "position", "rotation": "yaw, pitch, roll", "width": "size"}
    shots = []
    for camera in rig.cameras:
        pose = camera.ego_from_camera
        x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
        calibration = {"token": camera.name, "translation": pose[:3, 3].tolist(), "rotation": [w, x, y, z]}
        calibration |= {"camera_intrinsic": camera.K.tolist(), "camera_model": camera.model}
        data = {"token": camera.name, "width": camera.width, "height": camera.height}
        shots.append(Shot(data, camera.name, calibration, {}, {"token": "rig"}))
    return [(found.kind, found.token, keys.get(found.field, found.field), found.message) for found in rig_findings(shots)]


def _streams(report: CheckReport, rig: RigFile) -> Iterator[Stream]:
    """The pictures of each camera that has some."""
    for camera, place in zip(rig.cameras, rig.pictures, strict=True):
        try:
            yield find_stream(report.root, camera, place, rig.pictures)
        except ValueError as error:
            report.error("camera without usable pictures", place, camera.name, "", str(error))


def _check_stream(report: CheckReport, stream: Stream) -> None:
    """Every picture's size and bytes, and the steps in time."""
    kind = f"pictures with {CLOCKS[stream.clock]}" if stream.clock != "video" else "pictures of videos"
    report.counts[kind] = report.counts.get(kind, 0) + len(stream.images)
    steps = np.diff(stream.times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    for k in np.flatnonzero(steps > LONG_STEP * usual):
        message = f"{steps[k] / usual:.1f} usual steps between {stream.names[k]} and {stream.names[k + 1]}: pictures are missing there"
        report.warn("gap between pictures", stream.camera.name, stream.names[k], "", message)
    for image in stream.images if stream.clock != "video" else ():
        assert isinstance(image, Path)
        _check_picture(report, stream, image)


def _check_picture(report: CheckReport, stream: Stream, path: Path) -> None:
    camera = stream.camera
    try:
        data = path.read_bytes()
        picture = opened(data)
        if picture.size == (camera.width, camera.height):
            decode(picture, (camera.width // DECODE_FRACTION, camera.height // DECODE_FRACTION))
    except DECODE_ERRORS as error:
        report.error("undecodable file", camera.name, path.name, "", f"does not decode: {error}")
        return
    if picture.size != (camera.width, camera.height):
        size = f"{picture.size[0]}x{picture.size[1]}{turned_by(picture)}"
        report.error("wrong image size", camera.name, path.name, "", f"is {size}, the rig says {camera.width}x{camera.height}")
    elif picture.orientation != UPRIGHT:
        report.warn("picture turned by EXIF", camera.name, path.name, "", f"is{turned_by(picture)}: the rig must be of the upright picture")
    for warning in jpeg_warnings(data)[:1]:
        report.warn("damaged picture", camera.name, path.name, "", f"decodes, with a warning of its decoder: {warning}")


def _check_whole(report: CheckReport, told: ToldBeside) -> None:
    """Whether it opens, and what its samples would know."""
    try:
        dataset = PicturesDataset(report.root, told)
    except ValueError as error:
        report.error("does not hold together", report.root.name, "", "", str(error))
        return
    for found in dataset.findings():
        (report.errors if found.kind in REFUSED else report.warnings).append(found)
    report.counts["seconds"] = round(int(dataset.times_us[0][-1] - dataset.times_us[0][0]) / 1e6)
    report.counts[f"key frames at {dataset.window.rate_hz:g} Hz"] = len(dataset)
    known: Counter[str] = Counter()
    for sample in dataset:
        seen = sample.observation
        known["with a past"] += bool(seen.past.valid[:-1].any())
        known["with a speed"] += seen.speed_mps is not None
        known["with a command"] += seen.command is not None
        known["with a recorded future"] += bool(sample.target.future.valid.any())
    report.counts |= dict(known)
    for what, advice in (("speed", "--speed, motion.csv or poses.csv"), ("command", "--command or motion.csv")):
        lacking = len(dataset) - known[f"with a {what}"]
        if lacking:
            report.warn(f"{what} unknown", dataset.name, "", "", f"{lacking} of {len(dataset)} key frames know no {what}; {advice} tell it")


def _check_others(report: CheckReport, rig: RigFile) -> None:
    """Pictures and videos of the folder that belong to no camera of the rig."""
    for name in places(report.root):
        if name not in rig.pictures:
            report.warn("pictures of no camera", name, "", "", "no camera of the rig has its pictures there")
