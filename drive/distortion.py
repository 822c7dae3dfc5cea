"""Lens distortion on the plane z = 1 and along the angle from the axis: forward, inverse, and where a model folds over.

Brown-Conrady (Brown 1971, with the rational radial part of OpenCV's `projectPoints`): 4, 5 or 8 coefficients in OpenCV's order
k1, k2, p1, p2, k3, k4, k5, k6. With r the distance of a point (x, y) of the plane from the axis,

    x' = x N/D + 2 p1 x y + p2 (r^2 + 2 x^2),  y' = y N/D + p1 (r^2 + 2 y^2) + 2 p2 x y,
    N = 1 + k1 r^2 + k2 r^4 + k3 r^6,          D = 1 + k4 r^2 + k5 r^4 + k6 r^6.

Kannala-Brandt (IEEE TPAMI 2006): t' = t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8) of the angle t from the axis.

Polynomials grow only up to some distance (`brown_fold`) or angle (`fisheye_fold`); beyond, they put what lies far aside back into
the picture, where no lens puts it. A model holds up to there, and its inverse answers only with what lies there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array

COUNTS = {"pinhole": (4, 5, 8), "fisheye": (4,)}
NAMES = {"pinhole": "k1, k2, p1, p2[, k3[, k4, k5, k6]] (Brown-Conrady)", "fisheye": "k1, k2, k3, k4 (Kannala-Brandt)"}
EDGE = float(np.tan(np.radians(89.0)))  # no pinhole picture reaches further from the axis
CONVERGED = 1e-9  # on the plane z = 1: a millionth of a pixel
ITERATIONS = 40


def distortion_problems(model: str, distortion: Sequence[float]) -> list[str]:
    """What makes coefficients impossible for a camera model of `COUNTS`; none at all are no distortion."""
    if model not in COUNTS or len(distortion) == 0:
        return []
    if len(distortion) not in COUNTS[model]:
        counts = " or ".join(str(n) for n in COUNTS[model])
        hint = "; pictures of thin-prism or tilted lenses must be undistorted first" if len(distortion) > 8 else ""
        return [f"{len(distortion)} distortion coefficients for a {model} camera, expected {counts}: {NAMES[model]}{hint}"]
    if not np.isfinite(np.asarray(distortion, dtype=np.float64)).all():
        return [f"distortion coefficients must be finite, got {list(distortion)}"]
    return []


def brown(points: ArrayLike, coefficients: Sequence[float]) -> tuple[Array, NDArray[np.bool_]]:
    """Points [..., 2] of the plane z = 1 -> where the lens puts them [..., 2], and whether the model holds there [...]."""
    p = np.asarray(points, dtype=np.float64)
    bent, jacobian = _bent(p, coefficients)
    return bent, _holds(p, jacobian, coefficients)


def brown_inverse(points: ArrayLike, coefficients: Sequence[float]) -> tuple[Array, NDArray[np.bool_]]:
    """The inverse of `brown` where the model holds, and whether there is one [...]: Newton's method from the radial inverse."""
    wanted = np.asarray(points, dtype=np.float64)
    ends = _radial_table(tuple(coefficients))
    distance = np.hypot(wanted[..., 0], wanted[..., 1])
    start = np.interp(distance, ends[1], ends[0]) / np.maximum(distance, 1e-12)
    p = wanted * np.where(distance > 1e-12, start, 1.0)[..., None]
    for _ in range(ITERATIONS):
        bent, jacobian = _bent(p, coefficients)
        off = bent - wanted
        if not (np.abs(off) > CONVERGED * 1e-3).any():
            break
        xx, xy, yx, yy = jacobian
        determinant = np.where(np.abs(xx * yy - xy * yx) < 1e-9, 1e-9, xx * yy - xy * yx)
        step = np.stack([yy * off[..., 0] - xy * off[..., 1], xx * off[..., 1] - yx * off[..., 0]], -1) / determinant[..., None]
        longest = 0.1 + 0.5 * np.hypot(p[..., 0], p[..., 1])
        p = p - step * np.minimum(1.0, longest / np.maximum(np.hypot(step[..., 0], step[..., 1]), 1e-300))[..., None]
    bent, jacobian = _bent(p, coefficients)
    return p, (np.abs(bent - wanted) < CONVERGED).all(-1) & _holds(p, jacobian, coefficients)


@lru_cache(maxsize=256)
def brown_fold(coefficients: tuple[float, ...]) -> float:
    """The distance from the axis, on the plane z = 1, up to which the radial part grows; inf where it always does."""
    n, d = _fraction(coefficients)
    s = Polynomial([0.0, 1.0])
    slope = n * d + 2 * s * (n.deriv() * d - n * d.deriv())
    return float(np.sqrt(min(_first_root(slope), _first_root(d))))


@lru_cache(maxsize=256)
def fisheye_fold(coefficients: tuple[float, ...]) -> float:
    """The angle from the axis up to which Kannala-Brandt's polynomial grows, at most pi."""
    slope = Polynomial([1.0, *((2 * i + 3) * k for i, k in enumerate(coefficients))])
    return float(min(np.sqrt(_first_root(slope)), np.pi))


def fisheye(theta: ArrayLike, k: Sequence[float]) -> Array:
    """Angles from the axis [...] radians -> distances from the principal point in focal lengths."""
    t = np.asarray(theta, dtype=np.float64)
    t2 = t * t
    return t * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))))


def fisheye_inverse(radius: ArrayLike, k: Sequence[float]) -> tuple[Array, NDArray[np.bool_]]:
    """The inverse of `fisheye` below the fold, and whether there is one [...]: Newton's method (quadratic near the identity, where
    real lenses lie), by halves where that went astray."""
    r, fold = np.asarray(radius, dtype=np.float64), fisheye_fold(tuple(k))
    theta = r.copy()
    for _ in range(20):
        t2 = theta * theta
        slope = 1 + t2 * (3 * k[0] + t2 * (5 * k[1] + t2 * (7 * k[2] + t2 * 9 * k[3])))
        theta = np.clip(theta - (fisheye(theta, k) - r) / np.where(np.abs(slope) < 1e-6, 1e-6, slope), 0.0, np.pi)
    found = (np.abs(fisheye(theta, k) - r) < CONVERGED) & (theta <= fold)
    astray = ~found & (r <= fisheye(fold, k))
    if astray.any():
        theta, found = np.where(astray, _halved(r, k, fold), theta), found | astray
    return theta, found


def _halved(r: Array, k: Sequence[float], fold: float) -> Array:
    low, high = np.zeros_like(r), np.full_like(r, fold)
    for _ in range(60):
        middle = (low + high) / 2
        less = fisheye(middle, k) < r
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return low


def _fraction(c: Sequence[float]) -> tuple[Polynomial, Polynomial]:
    """N and D as polynomials of r^2."""
    k1, k2, _, _, k3, k4, k5, k6 = (*c, 0.0, 0.0, 0.0, 0.0)[:8]
    return Polynomial([1.0, k1, k2, k3]), Polynomial([1.0, k4, k5, k6])


def _first_root(polynomial: Polynomial) -> float:
    """The least positive real root; inf where there is none."""
    roots = polynomial.trim().roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9 * np.maximum(np.abs(roots), 1e-9)) & (roots.real > 0)]
    return float(real.min()) if len(real) else np.inf


def _bent(p: Array, c: Sequence[float]) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    """Distorted points and the Jacobian dx'/dx, dx'/dy, dy'/dx, dy'/dy."""
    x, y, p1, p2 = p[..., 0], p[..., 1], c[2], c[3]
    s = x * x + y * y
    n, d = _fraction(c)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        radial = n(s) / d(s)
        slope = 2 * (n.deriv()(s) - radial * d.deriv()(s)) / d(s)
        bent = np.stack([x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x), y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y], -1)
        cross = x * y * slope + 2 * p1 * x + 2 * p2 * y
        xx, yy = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x, radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
    return bent, (xx, cross, cross, yy)


def _holds(p: Array, jacobian: tuple[Array, Array, Array, Array], c: Sequence[float]) -> NDArray[np.bool_]:
    xx, xy, yx, yy = jacobian
    result: NDArray[np.bool_] = (np.hypot(p[..., 0], p[..., 1]) < brown_fold(tuple(c))) & (xx * yy > xy * yx)
    return result


@lru_cache(maxsize=256)
def _radial_table(coefficients: tuple[float, ...]) -> tuple[Array, Array]:
    """Distances from the axis before and after the radial part, both growing."""
    n, d = _fraction(coefficients)
    r = np.tan(np.linspace(0.0, np.arctan(min(brown_fold(coefficients), EDGE)), 1024))[:-1]
    return r, r * n(r * r) / d(r * r)
