"""read_image: sizes, calibrations, files that are not what they should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from drive.cameras import unproject
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.jpeg import jpeg_warnings
from drive.schema import CameraImage, MissingImage


@pytest.fixture
def image(one_scene: Path) -> CameraImage:
    return open_dataset(one_scene, maps=False)[4].observation.frames[-1].cameras[0]


def test_the_whole_picture(image: CameraImage) -> None:
    camera, pixels = read_image(image)
    assert camera is image.camera and pixels.shape == (225, 400, 3) and pixels.dtype == np.uint8
    assert np.array_equal(pixels, cv2.imread(str(image.image))[..., ::-1])  # RGB


@pytest.mark.parametrize("size", [(200, 112), (100, 56), (133, 90), (90, 133), (800, 450), (400, 100), (401, 100)])
def test_resizing_picture_and_intrinsics_together_keeps_the_rays(image: CameraImage, size: tuple[int, int]) -> None:
    camera, pixels = read_image(image, *size)
    assert pixels.shape == (size[1], size[0], 3) and (camera.width, camera.height) == size
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.3, 0.8]])
    assert np.allclose(unproject(camera, corners * size), unproject(image.camera, corners * [400, 225]), atol=1e-12)


def test_shrinking_is_the_mean_over_area(image: CameraImage) -> None:
    _, whole = read_image(image)
    for width, height in ((200, 112), (100, 56), (61, 41)):
        _, small = read_image(image, width, height)
        exact = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - exact.astype(int)).mean() < 4


def test_pictures_in_memory(image: CameraImage) -> None:
    _, whole = read_image(image)
    camera, small = read_image(replace(image, image=whole), 100, 50)
    assert small.shape == (50, 100, 3) and camera.width == 100 and small.dtype == np.uint8
    assert read_image(replace(image, image=whole))[1] is whole
    with pytest.raises(ValueError, match="399x225.*400x225"):
        read_image(replace(image, image=whole[:, 1:]))


def test_a_missing_file_is_named(image: CameraImage) -> None:
    assert isinstance(image.image, Path)
    image.image.unlink()
    with pytest.raises(MissingImage, match=f"not on disk.*{image.image.name}"):
        read_image(image)


@pytest.mark.parametrize("cut", [0, 2, 100, 0.5, 0.9, -2])
@pytest.mark.parametrize("size", [(None, None), (100, 56)])
def test_a_picture_cut_off_anywhere_does_not_decode(image: CameraImage, cut: float, size: tuple[int | None, int | None]) -> None:
    assert isinstance(image.image, Path)
    data = image.image.read_bytes()
    image.image.write_bytes(data[: int(cut * len(data)) if isinstance(cut, float) else cut])
    with pytest.raises(MissingImage, match=image.image.name):
        read_image(image, *size)


def test_a_folder_in_the_files_place(image: CameraImage) -> None:
    assert isinstance(image.image, Path)
    image.image.unlink()
    image.image.mkdir()
    with pytest.raises(MissingImage, match=image.image.name):
        read_image(image)


def test_a_picture_of_another_size_is_refused(image: CameraImage) -> None:
    cv2.imwrite(str(image.image), np.zeros((450, 800, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"800x450.*CAM_FRONT is for 400x225") as caught:
        read_image(image, 100, 56)
    assert not isinstance(caught.value, MissingImage)


def saved(folder: Path, picture: Image.Image, kind: str, **options: Any) -> Path:
    path = folder / f"picture.{kind}"
    picture.save(path, **options)
    return path


RAMP = np.linspace(0, 65535, 400 * 225).astype(np.uint16).reshape(225, 400)


@pytest.mark.parametrize("kind", ["png", "tiff", "pgm"])
def test_sixteen_bits_are_scaled_to_eight(image: CameraImage, tmp_path: Path, kind: str) -> None:
    grey = tmp_path / f"grey.{kind}"
    cv2.imwrite(str(grey), RAMP)
    pixels = read_image(replace(image, image=grey))[1]
    assert np.array_equal(pixels, np.repeat((RAMP >> 8).astype(np.uint8)[..., None], 3, -1))
    if kind != "pgm":
        colour = tmp_path / f"colour.{kind}"
        cv2.imwrite(str(colour), np.stack([RAMP, RAMP // 2, 0 * RAMP], -1))  # blue, green, red
        pixels = read_image(replace(image, image=colour))[1]
        assert np.array_equal(pixels[..., 2], RAMP >> 8) and np.array_equal(pixels[..., 1], RAMP >> 9) and not pixels[..., 0].any()


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK"])
def test_every_colour_mode_becomes_rgb(image: CameraImage, tmp_path: Path, mode: str) -> None:
    left = Image.new("RGB", (400, 225), (255, 255, 255))
    left.paste((0, 0, 0), (0, 0, 200, 225))
    path = saved(tmp_path, left.convert(mode), "jpg" if mode == "CMYK" else "png")
    for size in ((None, None), (40, 22)):
        pixels = read_image(replace(image, image=path), *size)[1].astype(int)
        middle = pixels.shape[1] // 2
        assert pixels.shape[2] == 3 and pixels[:, : middle - 2].max() < 8 and pixels[:, middle + 2 :].min() > 247


@pytest.mark.parametrize("values", [np.float32(0.5) * RAMP, 100 * RAMP.astype(np.int32)], ids=["float", "32 bits"])
def test_pixels_of_no_known_range_do_not_decode(image: CameraImage, tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(MissingImage, match="expected 8 or 16 bits"):
        read_image(replace(image, image=saved(tmp_path, Image.fromarray(values), "tiff")))


@pytest.mark.parametrize("kind", ["jpg", "png", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_pictures_upright(image: CameraImage, tmp_path: Path, orientation: int, kind: str) -> None:
    """The stored picture is what a camera held in that way saves of a scene that is red above and blue at the right."""
    upright = Image.new("RGB", (400, 225), (60, 60, 60))
    upright.paste((250, 0, 0), (0, 0, 400, 60))
    upright.paste((0, 0, 250), (320, 60, 400, 225))
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # `Image.Transpose` that undoes each
    stored = upright.transpose(turns[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, stored, kind, exif=exif, **({"quality": 95} if kind == "jpg" else {}))
    for size in ((None, None), (80, 45), (90, 133)):
        pixels = read_image(replace(image, image=path), *size)[1].astype(int)
        expected = cv2.resize(np.asarray(upright), pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(pixels - expected).mean() < 3


def test_a_size_that_exif_turns_is_named(image: CameraImage, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.new("RGB", (400, 225)), "jpg", exif=exif)
    with pytest.raises(ValueError, match=r"EXIF orientation 6\) is 225x400.*for 400x225"):
        read_image(replace(image, image=path))


def test_arrays_that_are_no_pictures_are_refused(image: CameraImage) -> None:
    for array in (np.zeros((225, 400, 3), np.uint16), np.zeros((225, 400), np.uint8), np.zeros((225, 400, 4), np.uint8)):
        with pytest.raises(ValueError, match=r"CAM_FRONT is uint.*expected uint8 \[height, width, 3\]"):
            read_image(replace(image, image=array), 100, 56)


def flipped(data: bytes, at: float) -> bytes:
    place = int(at * len(data))
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


def test_libjpegs_warnings_are_heard_and_nothing_else(image: CameraImage, capfd: pytest.CaptureFixture[str]) -> None:
    assert isinstance(image.image, Path)
    data = image.image.read_bytes()
    assert jpeg_warnings(data) == [] and jpeg_warnings(b"no picture") == [] and jpeg_warnings(b"\xff\xd8 no picture") == []
    heard = [jpeg_warnings(flipped(data, at)) for at in np.linspace(0.3, 0.95, 40)]
    assert sum(map(bool, heard)) > 8
    assert all(line.startswith("Corrupt JPEG data") for lines in heard for line in lines)
    assert capfd.readouterr().err == ""
