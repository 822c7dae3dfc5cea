"""Images to build textures of: periodic noise, masks, mixing. Colours are 0 to 1, images [SIZE, SIZE, 3], row 0 at v = 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array

SIZE = 128
Rng = np.random.Generator


def rows_columns() -> tuple[Array, Array]:
    """v and u of every pixel, [SIZE, SIZE] each."""
    at = (np.arange(SIZE) + 0.5) / SIZE
    v, u = np.meshgrid(at, at, indexing="ij")
    return v, u


def cloud(rng: Rng, roughness: float) -> Array:
    """Periodic noise [SIZE, SIZE], mean 0, deviation 1; amplitude falls as frequency to the power of -roughness."""
    spectrum = np.fft.fft2(rng.standard_normal((SIZE, SIZE)))
    frequency = np.fft.fftfreq(SIZE) * SIZE
    reach = np.hypot(frequency[:, None], frequency[None])
    reach[0, 0] = 1.0
    spectrum *= reach**-roughness
    spectrum[0, 0] = 0.0
    field = np.fft.ifft2(spectrum).real
    return field / field.std()


def speckle(rng: Rng, share: float) -> Array:
    """1 at a share of the pixels, 0 elsewhere, [SIZE, SIZE]."""
    return np.where(rng.random((SIZE, SIZE)) < share, 1.0, 0.0)


def blank(colour: ArrayLike) -> Array:
    """One colour."""
    return np.broadcast_to(np.asarray(colour, dtype=np.float64), (SIZE, SIZE, 3)).copy()


def grey(value: ArrayLike, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Array:
    """An image of brightness [SIZE, SIZE]."""
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (SIZE, SIZE))[..., None] * np.asarray(tint)


def mix(image: Array, other: ArrayLike, share: ArrayLike) -> Array:
    """image where share is 0, other (a colour or an image) where it is 1."""
    s = np.asarray(share, dtype=np.float64)[..., None]
    return np.asarray(image * (1 - s) + np.asarray(other, dtype=np.float64) * s, dtype=np.float64)


def disc_mask(radius: float) -> Array:
    """1 inside a circle about the middle."""
    v, u = rows_columns()
    return np.where(np.hypot(u - 0.5, v - 0.5) < radius, 1.0, 0.0)


def rect_mask(left: float, right: float, low: float, high: float) -> Array:
    """1 inside a rectangle in (u, v)."""
    v, u = rows_columns()
    return np.where((u >= left) & (u < right) & (v >= low) & (v < high), 1.0, 0.0)
