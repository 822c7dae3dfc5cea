"""Videos decode to what was drawn."""

from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image

from drive.viz.video import GIF_WIDTH, write_video

COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 230), (20, 20, 20)]


def pictures(height=64, width=96):
    return (np.full((height, width, 3), colour, dtype=np.uint8) for colour in COLOURS)


@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_mp4_is_h264_with_every_frame_and_its_colours(tmp_path, size):
    path = write_video(tmp_path / "deep" / "drive.mp4", pictures(*size), fps=2)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 2 and stream.codec_context.width == 96
    assert len(frames) == len(COLOURS)
    for frame, colour in zip(frames, COLOURS, strict=True):
        np.testing.assert_allclose(frame.mean((0, 1)), colour, atol=6)
    assert [p.name for p in path.parent.iterdir()] == ["drive.mp4"], "nothing partial stays"


def test_gif_has_every_frame_and_is_no_wider_than_it_should(tmp_path):
    path = write_video(tmp_path / "drive.gif", pictures(40, 2 * GIF_WIDTH), fps=4)
    with Image.open(path) as gif:
        assert gif.format == "GIF" and gif.n_frames == len(COLOURS) and gif.width == GIF_WIDTH and gif.info["duration"] == 250


def test_gif_keeps_what_is_small_and_bright(tmp_path):
    picture = np.random.default_rng(0).integers(90, 140, (200, 300, 3), dtype=np.uint8)
    picture[100:103, 100:110] = (255, 62, 190)
    with Image.open(write_video(tmp_path / "drive.gif", [picture], fps=1)) as gif:
        np.testing.assert_allclose(np.asarray(gif.convert("RGB"))[101, 105], (255, 62, 190), atol=24)


def test_bad_input_leaves_nothing_behind(tmp_path):
    grey = np.zeros((8, 8, 3), dtype=np.uint8)
    for name, frames, fps, message in (
        ("a.avi", [grey], 2, "must end in"),
        ("a.mp4", [], 2, "at least one"),
        ("a.gif", [], 2, "at least one"),
        ("a.mp4", [grey, grey[:4]], 2, "of one size"),
        ("a.mp4", [grey[..., 0]], 2, "uint8"),
        ("a.mp4", [grey], 0, "fps"),
    ):
        with pytest.raises(ValueError, match=message):
            write_video(tmp_path / name, frames, fps)
    assert not list(tmp_path.iterdir())
