"""What is drawn (`Mesh`) and what comes out (`Buffers`).

T triangles, V vertices. Everything stands in the world frame; the road is the plane z = 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
FINE_LAYER = 4  # from here on a triangle tints a pixel by the share that it covers: what may be thinner than a pixel
UPRIGHT_LAYER = 5  # from here on it does not lie on another surface

SEMANTIC = (
    "sky",
    "ground",
    "road",
    "marking",
    "crossing",
    "pavement",
    "building",
    "vegetation",
    "sign",
    "light",
    "car",
    "truck",
    "bus",
    "trailer",
    "motorcycle",
    "bicycle",
    "pedestrian",
    "obstacle",
)


class Mesh(NamedTuple):
    """Triangles and their looks.

    vertices [V, 3] float32 metres. triangles [T, 3] int32, counter-clockwise seen from the front; backs are not drawn. uv [T, 3, 2]
    float32: 1 = one repeat of the texture. texture [T] int32: 0 = plain white. tint [T, 3] float32 0..1 multiplies the texture's
    colour. semantic [T] uint8: index into `SEMANTIC`. instance [T] int32: 0 none, i + 1 = agent i of the state, A + 1 + p = parked
    row p. glow [T] float32: 0 = lit by sun and sky, above 0 = shines by itself. layer [T] int8: of surfaces in one plane the
    higher layer is seen; see `FINE_LAYER` too.
    """

    vertices: Floats
    triangles: NDArray[np.int32]
    uv: Floats
    texture: NDArray[np.int32]
    tint: Floats
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]
    glow: Floats
    layer: NDArray[np.int8]


class Buffers(NamedTuple):
    """One picture. rgb [H, W, 3] uint8; depth [H, W] float32: metres along the pixel's ray, infinite in the sky; semantic [H, W]
    uint8; instance [H, W] int32, as in `Mesh`. Pixel (i, j) shows the ray through (j + 0.5, i + 0.5)."""

    rgb: NDArray[np.uint8]
    depth: Floats
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]
