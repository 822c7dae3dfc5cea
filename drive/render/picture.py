"""One picture, from triangles to the four buffers, in one compiled call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.jit import kernel
from drive.render.culling import PinholeView, new_tiles
from drive.render.fine import draw_fine, new_fine
from drive.render.looks import gather
from drive.render.pack import PackedMesh
from drive.render.raster import draw, new_hits
from drive.render.scene import Buffers, Floats
from drive.render.shade import Surroundings, shade

FAR_M = 400.0  # cells beyond this are left out


@kernel
def draw_face(
    view: PinholeView,
    pixels: NDArray[np.int32],
    points: Floats,
    static: PackedMesh,
    moving: PackedMesh,
    around: Surroundings,
    flat: Buffers,
) -> None:
    """Draws what stands still and what moves into the pixels of one face; arguments as for `shade`."""
    hits = new_hits(view.width, view.height, len(static.layer) + len(moving.layer) + 1)
    tiles = new_tiles(view.width, view.height)
    used = draw(view, static, 0, FAR_M, hits, tiles, 0)
    used = draw(view, moving, len(static.layer), FAR_M, hits, tiles, used)
    fine = new_fine(view.width * view.height)
    used = draw_fine(view, static, 0, hits, tiles, fine, used)
    used = draw_fine(view, moving, len(static.layer), hits, tiles, fine, used)
    looks = gather(view, hits, used, static, moving, around.light, around.still)
    shade(view, pixels, points, hits, looks, around, fine, flat)
