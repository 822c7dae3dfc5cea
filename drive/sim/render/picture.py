"""One picture, from triangles to the four buffers, in one compiled call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.sim.jit import kernel
from drive.sim.render.pack import Packed
from drive.sim.render.raster import View, draw, new_hits
from drive.sim.render.scene import Floats
from drive.sim.render.shade import Pyramid, gather, shade
from drive.sim.render.shadows import ShadowMap
from drive.sim.render.sky import Light

FAR_M = 400.0  # cells beyond this are left out


@kernel
def draw_face(
    view: View,
    pixels: NDArray[np.int32],
    points: Floats,
    static: Packed,
    moving: Packed,
    static_shadow: ShadowMap,
    moving_shadow: ShadowMap,
    textures: Pyramid,
    light: Light,
    clear: Floats,
    ego: Array,
    rgb: NDArray[np.uint8],
    depth: Floats,
    semantic: NDArray[np.uint8],
    instance: NDArray[np.int32],
) -> None:
    """Draws what stands still and what moves into the pixels of one face; arguments as for `shade`."""
    hits = new_hits(view.width, view.height, len(static.layer) + len(moving.layer) + 1)
    used = draw(view, static, 0, FAR_M, hits, 0)
    used = draw(view, moving, len(static.layer), FAR_M, hits, used)
    looks = gather(view, hits, used, static, moving, light, static_shadow)
    shade(view, pixels, points, hits, looks, textures, light, clear, static_shadow, moving_shadow, ego, rgb, depth, semantic, instance)
