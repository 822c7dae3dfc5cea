"""`drive rig`: a first rig's file for own pictures, and a rig drawn on them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drive.cli.parser import number

if TYPE_CHECKING:
    from drive.cameras import Camera
    from drive.data.rig_files import RigFile
    from drive.viz.page import Block

HELP = "write a first rig's file for own pictures, or draw one on them: horizon, ground, what neighbours see too"
LIKE = "take over the cameras of a rig (nuscenes, pandaset, ..., FILE.yaml) or of a data set with tables, where names fit"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("action", choices=("new", "draw"), help="new: write the file and draw it; draw: draw the file that is there")
    verb.add_argument("data", type=Path, help="a folder of own pictures: a folder or a video for each camera, or names that begin with it")
    verb.add_argument("--rig", type=Path, metavar="FILE", help="the rig's file (default: rig.yaml of DATA)")
    verb.add_argument("--like", metavar="RIG", help=f"new: {LIKE}")
    verb.add_argument("--fov", type=number(8, 165, whole=False), default=70.0, help="new: guessed width of view in degrees (default: 70)")
    verb.add_argument("--at", type=number(0), metavar="N", help="draw on the N-th pictures, from 0 (default: those in the middle)")
    verb.add_argument("--out", type=Path, help="folder for the page and its pictures (default: rig)")


def run(args: argparse.Namespace) -> int:
    """`drive rig new DATA`, `drive rig draw DATA`."""
    from drive.data.pictures.checked import rig_problems
    from drive.data.pictures.told import RIG, ToldBeside
    from drive.data.rig_files import read_rig_file
    from drive.outputs import writable_folder

    out = writable_folder(args.out or Path("rig"))
    path = args.rig or args.data / RIG
    if args.action == "new":
        _write(args, path)
    rig = read_rig_file(ToldBeside(rig=args.rig).rig_of(args.data))
    problems = [f"{camera}, {key}: {message}" for _, camera, key, message in rig_problems(rig)]
    page = draw(args, rig, out, problems)
    args.progress.end()
    for line in (*table_lines(rig.cameras), *(f"wrong: {problem}" for problem in problems)):
        print(line)
    print(f"page: {page}")
    return 1 if problems else 0


def _write(args: argparse.Namespace, path: Path) -> None:
    from drive.data.pictures.draft import draft_rig
    from drive.outputs import write_whole

    if path.exists():
        raise ValueError(f"{path} is there already and is not written over: `drive rig draw {args.data}` draws it, --rig names another")
    draft = draft_rig(args.data, _like(args), args.fov)
    write_whole(path, draft.text)
    print(f"written: {path}")
    for name, told in draft.guessed.items():
        print(f"  {name}: guessed {told}")


def _like(args: argparse.Namespace) -> Sequence[Camera]:
    from dataclasses import replace

    from drive.data.dataset import open_dataset
    from drive.render.rigs import load_rig

    if args.like is None:
        return ()
    if not Path(args.like).is_dir():
        return load_rig(args.like)
    views = open_dataset(args.like, maps=False, limit=1)[0].observation.frames[-1].cameras
    return [view.camera if view.mount is None else replace(view.camera, ego_from_camera=view.mount) for view in views]


def draw(args: argparse.Namespace, rig: RigFile, out: Path, problems: Sequence[str]) -> Path:
    """The page with all cameras and the view from above; each picture also as a file beside it."""
    from drive.data.pictures.find import find_streams
    from drive.viz.page import write_page

    streams = find_streams(args.data, rig)
    count = min(len(stream.images) for stream in streams)
    at = count // 2 if args.at is None else args.at
    if at >= count:
        raise ValueError(f"--at {at}: the cameras have {count} pictures, counted from 0")
    args.progress.begin("drawing", len(streams))
    return write_page(out / "index.html", f"Rig of {args.data.resolve().name}", _blocks(args, rig, streams, at, out, problems))


def _blocks(args: argparse.Namespace, rig: RigFile, streams: Sequence, at: int, out: Path, problems: Sequence[str]) -> Iterator[Block]:
    from drive.schema import CameraImage
    from drive.viz.page import Heading, Image, Table, Text, encode_picture
    from drive.viz.rig import draw_from_above, draw_on_picture

    yield Text(
        "Red: the horizon of a flat world. Green: squares of 5 m on the ground; yellow: distance from the rear axle. Tints: what "
        "a neighbour sees too, 30 m away. Where the horizon is off, mend pitch and roll; where the ground floats or sinks, height and "
        "focal length; where a tint does not end at what the neighbour shows, yaw."
    )
    if problems:
        yield Table(["what looks wrong"], [(problem,) for problem in problems])
    yield Table(["camera", "yaw", "pitch", "roll", "wide", "high m", "horizon at", "also seen by"], table_rows(rig.cameras), digits=2)
    yield Text(gaps_line(rig.cameras).capitalize() + ".")
    above = draw_from_above(rig.cameras)
    (out / "above.png").write_bytes(encode_picture(above))
    yield Image(above, "From above")
    yield Heading("On the pictures")
    for stream in streams:
        picture = draw_on_picture(CameraImage(stream.camera, 0.0, stream.images[at]), rig.cameras)
        (out / f"{stream.camera.name}.png").write_bytes(encode_picture(picture))
        args.progress.done()
        yield Image(encode_picture(picture, photo=True), f"{stream.camera.name}, {stream.names[at]}")


def table_rows(cameras: Sequence[Camera]) -> list[tuple]:
    """A row for each camera: angles and width in degrees, height in metres, where its horizon lies, which neighbours see how much."""
    from drive.viz.rig import camera_facts

    rows = []
    for camera in cameras:
        facts = camera_facts(camera, cameras)
        horizon = "not in view" if facts.horizon is None else f"{facts.horizon:.0%} from the top"
        also = ", ".join(f"{name} {share:.0%}" for name, share in facts.overlaps.items()) or "nobody"
        rows.append((facts.name, facts.yaw, facts.pitch, facts.roll, facts.width, facts.height_m, horizon, also))
    return rows


def table_lines(cameras: Sequence[Camera]) -> list[str]:
    """The same as text, and what no camera sees."""
    lines = []
    for name, yaw, pitch, roll, wide, high, horizon, also in table_rows(cameras):
        angles = f"yaw {yaw:.1f}, pitch {pitch:.1f}, roll {roll:.1f}"
        lines.append(f"{name}: {angles}, {wide:.0f} deg wide, {high:.2f} m high, horizon {horizon}, also seen by {also}")
    return [*lines, gaps_line(cameras)]


def gaps_line(cameras: Sequence[Camera]) -> str:
    """Which directions no camera sees."""
    from drive.viz.rig import unseen_sectors

    gaps = ", ".join(f"{first} to {last if last < 180 else last - 360}" for first, last in unseen_sectors(cameras))
    return f"seen by no camera, degrees to the left: {gaps}" if gaps else "every direction is seen by some camera"
