"""`Soup`: a mesh that grows from parts; what a part leaves out is plain white, lit, fixed and without instance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array
from drive.render.scene import FINE_LAYER, SEMANTIC, Mesh

SEMANTIC_CODE = {name: code for code, name in enumerate(SEMANTIC)}
# What a triangle's colour follows: nothing, or a lamp of the agent it belongs to.
NO_LAMP, TAIL, LEFT_LAMP, RIGHT_LAMP, GREEN_LAMP, YELLOW_LAMP, RED_LAMP = range(7)


# How a joint turns what hangs on it about the y axis (to the left), as the agent goes along:
# swing: a * sin(c * distance + b), bent by a at most; knee: the same where positive; spin: c * distance;
# thigh, shin: a leg of two lengths (a, b) whose foot goes round with a crank at (c, d) of radius e and phase f.
FIXED, SWING, KNEE, SPIN, THIGH, SHIN = range(6)
JOINT_COLUMNS = 10  # parent, x, z, kind, a, b, c, d, e, f
CRANK_METRES = 5.0  # a cyclist's way for one turn of the cranks


class Shape(NamedTuple):
    """Vertices [V, 3] in metres, triangles [T, 3] counter-clockwise from outside, texture coordinates [T, 3, 2]."""

    vertices: Array
    triangles: NDArray[np.int64]
    uv: Array


class Soup:
    """Collects shapes with their looks."""

    def __init__(self) -> None:
        self.vertices: list[Array] = []
        self.bone: list[NDArray[np.int64]] = []
        self.columns: dict[str, list[Array]] = {name: [] for name in ("triangles", "uv", "texture", "tint", "semantic")}
        self.columns |= {name: [] for name in ("instance", "glow", "layer", "lamp")}
        self.joints: list[tuple[float, ...]] = [(-1.0, *(0.0,) * (JOINT_COLUMNS - 1))]
        self.count = 0

    def joint(self, x: float, z: float, kind: int, *values: float, parent: int = 0) -> int:
        """A new joint at (x, z) of the resting shape; its number is the `bone` of what hangs on it."""
        row = (float(parent), x, z, float(kind), *values)
        self.joints.append((*row, *(0.0,) * (JOINT_COLUMNS - len(row))))
        return len(self.joints) - 1

    def add(
        self,
        shape: Shape,
        semantic: str,
        texture: ArrayLike = 0,
        tint: ArrayLike = (1.0, 1.0, 1.0),
        *,
        layer: int = 0,
        glow: ArrayLike = 0.0,
        instance: int = 0,
        bone: int = 0,
        lamp: int = NO_LAMP,
    ) -> None:
        """Adds a shape. texture, glow: one, or one per triangle; tint: one colour, or [T, 3]; bone: what its vertices move with."""
        n = len(shape.triangles)
        self.vertices.append(np.asarray(shape.vertices, dtype=np.float64))
        self.bone.append(np.full(len(shape.vertices), bone))
        values = {
            "triangles": shape.triangles + self.count,
            "uv": shape.uv,
            "texture": np.broadcast_to(np.asarray(texture), n),
            "tint": np.broadcast_to(np.clip(np.asarray(tint, dtype=np.float64), 0.0, 1.0), (n, 3)),
            "semantic": np.full(n, SEMANTIC_CODE[semantic]),
            "instance": np.full(n, instance),
            "glow": np.broadcast_to(np.asarray(glow, dtype=np.float64), n),
            "layer": np.full(n, layer),
            "lamp": np.full(n, lamp),
        }
        for name, value in values.items():
            self.columns[name].append(value)
        self.count += len(shape.vertices)

    def absorb(self, other: Soup, place: ArrayLike, heading: float, semantic: str, instance: int = 0) -> None:
        """Adds all of another soup, turned about z and shifted to a place [3], as one instance of one meaning; joints stay at rest."""
        c, s = np.cos(heading), np.sin(heading)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        self.vertices.extend(points @ turn + np.asarray(place, dtype=np.float64) for points in other.vertices)
        self.bone.extend(np.zeros_like(item) for item in other.bone)
        fixed = {"instance": instance, "semantic": SEMANTIC_CODE[semantic]}
        for name, items in other.columns.items():
            shift = self.count if name == "triangles" else 0
            self.columns[name].extend(np.full_like(item, fixed[name]) if name in fixed else item + shift for item in items)
        self.count += other.count

    def sort_fine(self) -> None:
        """Puts the fine triangles last."""
        order = np.argsort(self._column("layer", np.int64) >= FINE_LAYER, kind="stable")
        self.columns = {name: [np.concatenate(items)[order]] if items else [] for name, items in self.columns.items()}

    def _column(self, name: str, dtype: type, shape: tuple[int, ...] = ()) -> NDArray:
        items = self.columns[name]
        return np.ascontiguousarray(np.concatenate(items) if items else np.zeros((0, *shape)), dtype=dtype)

    def bones(self) -> NDArray[np.int64]:
        """What each vertex moves with, [V]."""
        return np.concatenate(self.bone) if self.bone else np.zeros(0, dtype=np.int64)

    def lamps(self) -> NDArray[np.int64]:
        """Which lamp each triangle is, [T]."""
        return self._column("lamp", np.int64)

    def mesh(self) -> Mesh:
        """Everything added so far."""
        vertices = np.concatenate(self.vertices) if self.vertices else np.zeros((0, 3))
        return Mesh(
            vertices=np.ascontiguousarray(vertices, dtype=np.float32),
            triangles=self._column("triangles", np.int32, (3,)),
            uv=self._column("uv", np.float32, (3, 2)),
            texture=self._column("texture", np.int32),
            tint=self._column("tint", np.float32, (3,)),
            semantic=self._column("semantic", np.uint8),
            instance=self._column("instance", np.int32),
            glow=self._column("glow", np.float32),
            layer=self._column("layer", np.int8),
        )
