"""Sky and light of a weather: a picture of the sky's dome, and the colours of sun, sky and haze. Linear colours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.render.weather import Weather

DOME_SIDE = 512
CLEAR_VISIBILITY_M = 4000.0
CONTRAST_LOG = 3.0  # -log of the contrast that is left where visibility ends (5 %)


class Lighting(NamedTuple):
    """sun [3]: unit direction to it; sun_colour, sky_colour, ground_colour, haze [3]; extinction 1/m; wet 0..1; headlights 0..1.

    dome [N, N, 3] uint8, roots of light: the sky in stereographic projection, entry (i, j) for the direction whose x / (1 + z) and
    y / (1 + z) are 2 (j + 0.5) / N - 1 and 2 (i + 0.5) / N - 1.
    """

    sun: Array
    sun_colour: Array
    sky_colour: Array
    ground_colour: Array
    haze: Array
    extinction: float
    wet: float
    headlights: float
    dome: NDArray[np.uint8]


def sun_direction(weather: Weather) -> Array:
    """Unit vector [3] to the sun."""
    flat = np.cos(weather.sun_elevation_rad)
    return np.array([flat * np.cos(weather.sun_azimuth_rad), flat * np.sin(weather.sun_azimuth_rad), np.sin(weather.sun_elevation_rad)])


def light_of(weather: Weather, seed: int) -> Lighting:
    """Light of a weather; the seed shapes the clouds."""
    low = float(np.clip(1 - weather.sun_elevation_rad / 0.5, 0, 1))
    clear = 1 - weather.cloud
    sun = np.array([1.0, 0.93 - 0.40 * low, 0.82 - 0.70 * low]) * 0.95 * clear
    zenith, horizon = np.array([0.13, 0.29, 0.62]), np.array([0.50, 0.62, 0.76])
    zenith = zenith * (1 - 0.5 * low) + np.array([0.20, 0.15, 0.26]) * 0.5 * low
    horizon = horizon * (1 - 0.9 * low) + np.array([0.88, 0.46, 0.20]) * 0.9 * low
    grey = np.array([0.52, 0.55, 0.58]) * (1 - 0.35 * low - 0.25 * weather.rain)
    zenith, horizon = zenith * clear + 0.85 * grey * weather.cloud, horizon * clear + grey * weather.cloud
    sky = 0.36 * (zenith + horizon) * (1 + 0.45 * weather.cloud) * (1 - 0.45 * low * clear)
    if weather.night:
        sun, zenith, horizon = sun * [0.02, 0.025, 0.04], np.array([0.002, 0.003, 0.008]), np.array([0.012, 0.012, 0.018])
        sky = np.array([0.030, 0.027, 0.026])
    extinction = CONTRAST_LOG / min(weather.fog_visibility_m, CLEAR_VISIBILITY_M)
    thick = float(np.clip(300.0 / weather.fog_visibility_m, 0, 1)) if np.isfinite(weather.fog_visibility_m) else 0.0
    dome = _dome(weather, zenith, horizon, thick, seed)
    return Lighting(
        sun_direction(weather), sun, sky, 0.35 * sky + 0.08 * sun, horizon, extinction, weather.rain, float(weather.night), dome
    )


def _dome(weather: Weather, zenith: Array, horizon: Array, thick: float, seed: int) -> NDArray[np.uint8]:
    axis = 2 * (np.arange(DOME_SIDE) + 0.5) / DOME_SIDE - 1
    px, py = np.meshgrid(axis, axis)
    r2 = px**2 + py**2
    z = (1 - r2) / (1 + r2)
    direction = np.stack([px * (1 + z), py * (1 + z), z], -1)
    up = np.clip(z, 0, 1)[..., None]
    colour = horizon + (zenith - horizon) * (1 - (1 - up) ** 3)
    clouds = _clouds(px, py, r2, weather.cloud, seed)[..., None] * np.clip(3 * up, 0, 1)
    pale: Array = 0.55 * horizon + (0.0024 if weather.night else 0.42)
    colour = colour + clouds * (pale - colour)
    near = direction @ sun_direction(weather)
    shine = np.exp((near - 1) * 300) * 2.0 + np.exp((near - 1) * 12) * 0.18
    colour = colour + (0.02 if weather.night else 1.0) * (1 - weather.cloud) * shine[..., None] * np.array([1.0, 0.9, 0.7])
    return np.round(255 * np.sqrt(np.clip(colour * (1 - thick) + horizon * thick, 0, 1))).astype(np.uint8)


def _clouds(px: Array, py: Array, r2: Array, cover: float, seed: int) -> Array:
    """Cover 0..1 of the sky by clouds: smooth noise on a plane above."""
    rng = np.random.default_rng([seed, 97])
    flat = 1.4 / np.maximum(1 - r2, 0.08)
    total = np.zeros_like(px)
    for octave in range(5):
        turn, shift = rng.uniform(0, 2 * np.pi), rng.uniform(0, 6, 2)
        for _ in range(2):
            wave, turn = 1.7 * 2**octave, turn + rng.uniform(0.6, 1.4)
            total += np.sin((px * np.cos(turn) + py * np.sin(turn)) * flat * wave + shift[0] + 0.8 * total) * 0.6**octave
    return np.clip((total + 2.6 * cover - 1.5) / 1.6, 0, 1) * (0.35 + 0.6 * cover)
