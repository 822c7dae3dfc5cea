"""Pictures -> a video: MP4 (H.264, which every browser and slide program plays) or GIF."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drive.viz.canvas import Picture

SUFFIXES = (".mp4", ".gif")
QUALITY_CRF = 21  # of x264: lower is better and larger
PRESET = "veryfast"  # half of medium's time at the same size, and less than 1 dB from it on pages of drives
GIF_WIDTH = 960  # pixels; a GIF of full size takes tens of megabytes


def write_video(path: str | Path, pictures: Iterable[Picture], fps: float) -> Path:
    """Writes pictures, uint8 [H, W, 3] RGB of one size, shown `fps` a second; the suffix says which kind. Returns the path.

    The file appears only when it is whole. Raises ValueError for another suffix, no pictures, or pictures of two sizes.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"a video's name must end in {' or '.join(SUFFIXES)}, got {path.name!r}")
    if not fps > 0:
        raise ValueError(f"fps must be positive, got {fps}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        (_write_mp4 if path.suffix == ".mp4" else _write_gif)(partial, _checked(pictures), fps)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _checked(pictures: Iterable[Picture]) -> Iterable[Picture]:
    shape = None
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"a picture must be uint8 [H, W, 3] RGB, got {picture.dtype} {list(picture.shape)}")
        if shape is not None and picture.shape != shape:
            raise ValueError(f"pictures of a video must be of one size, got {list(shape)} and {list(picture.shape)}")
        shape = picture.shape
        yield picture
    if shape is None:
        raise ValueError("a video needs at least one picture")


def _write_mp4(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    import av
    from av.video.reformatter import Colorspace

    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream: Any = None
        for picture in pictures:
            # 4:2:0 colour needs even sides.
            even = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
            if stream is None:
                rate = Fraction(fps).limit_denominator(1000)
                stream = container.add_stream("libx264", rate=rate, options={"crf": str(QUALITY_CRF), "preset": PRESET})
                stream.height, stream.width, stream.pix_fmt = *even.shape[:2], "yuv420p"
                stream.codec_context.gop_size = 12
                # BT.709, said in the stream: players take it for granted at this size.
                stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
        if stream is not None:
            container.mux(stream.encode())


def _write_gif(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    from PIL import Image

    frames = []
    for picture in pictures:
        scale = min(1.0, GIF_WIDTH / picture.shape[1])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        # An octree keeps rare bright colours, which are the drawn ones; PIL's default, median cut, gives them away.
        frames.append(Image.fromarray(np.asarray(small, dtype=np.uint8)).quantize(256, Image.Quantize.FASTOCTREE))
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0)
