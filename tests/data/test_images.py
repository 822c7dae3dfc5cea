"""read_image: sizes, calibrations, files that are not what they should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.cameras import unproject
from drive.data.dataset import open_dataset
from drive.data.images import read_image
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


def test_gray_png_and_exif_orientation(image: CameraImage, tmp_path: Path) -> None:
    from PIL import Image

    gray = tmp_path / "gray.png"
    cv2.imwrite(str(gray), np.full((225, 400), 90, dtype=np.uint8))
    assert (read_image(replace(image, image=gray))[1] == 90).all()
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 225), (255, 0, 0)).save(turned, exif=exif)
    assert read_image(replace(image, image=turned))[1].shape == (225, 400, 3)  # as stored: K belongs to that
