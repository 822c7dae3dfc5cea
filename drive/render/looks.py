"""What shading needs of each triangle seen, worked out once per triangle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import maker_part, part
from drive.render.culling import PinholeView
from drive.render.pack import PackedMesh
from drive.render.raster import Hits
from drive.render.shadows import ShadowMap
from drive.render.sky import Lighting

SKIN_M, SKIN_TEXELS = 0.06, 1.6  # how far off the surface shadows are looked up
GROUND_LAST = 5  # SEMANTIC up to here lies on the ground and gets wet


class Looks(NamedTuple):
    """Row by row of `Hits.weights`.

    values [N, 28] float64: planes in the pixel (A, B, C each) of 1 / z, u / z and v / z; light from sky and ground, and the sun's,
    each times the tint; the tint's own shine; the tint; the shift of shadow lookups along the maps' axes (3 each); normal (3);
    distance of the triangle's plane from the camera. sizes [N, 2]: texture repeats per metre, wetness. codes [N, 3] int32
    (texture, semantic, instance).
    """

    values: Array
    sizes: Array
    codes: NDArray[np.int32]


@maker_part
def gather(view: PinholeView, hits: Hits, used: int, static: PackedMesh, moving: PackedMesh, light: Lighting, shadow: ShadowMap) -> Looks:
    """Looks of the triangles in use. shadow: the map of what never moves."""
    looks = Looks(np.empty((used, 28)), np.empty((used, 2)), np.empty((used, 3), np.int32))
    many = len(static.layer)
    for n in range(used):
        t = hits.source[n]
        if t < many:
            look_of(view, hits.weights[n], static, t, light, shadow, looks.values[n], looks.sizes[n], looks.codes[n])
        else:
            look_of(view, hits.weights[n], moving, t - many, light, shadow, looks.values[n], looks.sizes[n], looks.codes[n])
    return looks


@part
def look_of(
    view: PinholeView,
    rows: Array,
    mesh: PackedMesh,
    t: int,
    light: Lighting,
    shadow: ShadowMap,
    values: Array,
    sizes: Array,
    codes: NDArray[np.int32],
) -> None:
    """Writes one row of `Looks`."""
    uv, normal, corner, axes = mesh.uv[t], mesh.normal[:, t], mesh.corners[:3, t], shadow.axes
    for k in range(3):
        a, b, c = rows[k] / rows[9], rows[3 + k] / rows[9], rows[6 + k] / rows[9]
        values[k] = a + b + c
        values[3 + k] = a * uv[0] + b * uv[2] + c * uv[4]
        values[6 + k] = a * uv[1] + b * uv[3] + c * uv[5]
    up = 0.5 + 0.5 * normal[2]
    sun = max(0.0, normal[0] * light.sun[0] + normal[1] * light.sun[1] + normal[2] * light.sun[2])
    # Off the surface by as much as a map's entry is deep on it: else surfaces that the sun grazes shade themselves.
    off = SKIN_M + SKIN_TEXELS * shadow.texel_m * (1.0 - sun)
    far = 0.0
    for k in range(3):
        tint = mesh.tint[t, k] ** 2
        values[9 + k] = tint * (light.sky_colour[k] * up + light.ground_colour[k] * (1.0 - up))
        values[12 + k] = tint * light.sun_colour[k] * sun
        values[15 + k] = tint * mesh.glow[t]
        values[18 + k] = tint
        values[21 + k] = off * (axes[k, 0] * normal[0] + axes[k, 1] * normal[1] + axes[k, 2] * normal[2])
        values[24 + k] = normal[k]
        far += normal[k] * (view.position[k] - corner[k])
    values[27] = far
    sizes[0] = mesh.density[t]
    sizes[1] = light.wet if mesh.semantic[t] <= GROUND_LAST else 0.0
    codes[0], codes[1], codes[2] = mesh.texture[t], mesh.semantic[t], mesh.instance[t]
