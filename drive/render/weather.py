"""Light and weather of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.words import did_you_mean

WET_LAMPS, THICK_M, LOW_SUN_RAD = 0.25, 250.0, 0.25  # rain, visibility and sun from which on vehicles light their lamps


@dataclass(frozen=True)
class Weather:
    """sun_azimuth_rad: counter-clockwise from the world's +x, where the sun (at night the moon) stands; sun_elevation_rad above
    the horizon. cloud: 0 clear with hard shadows to 1 overcast with none. fog_visibility_m: where 5 % of contrast is left,
    infinite without fog. rain: 0 to 1, haze and a wet road. Raises ValueError where a value is out of its range.
    """

    sun_azimuth_rad: float = 0.9
    sun_elevation_rad: float = 0.85
    cloud: float = 0.15
    fog_visibility_m: float = np.inf
    rain: float = 0.0
    night: bool = False

    def __post_init__(self) -> None:
        if not 0.05 <= self.sun_elevation_rad <= np.pi / 2 or not np.isfinite(self.sun_azimuth_rad):
            raise ValueError(f"the sun must stand 0.05 to 1.57 rad above the horizon at a finite azimuth, got {self}")
        if not (0 <= self.cloud <= 1 and 0 <= self.rain <= 1 and self.fog_visibility_m >= 10):
            raise ValueError(f"cloud and rain must be 0 to 1 and visibility at least 10 m, got {self}")


    @property
    def lamps_on(self) -> bool:
        """Whether vehicles drive with their lamps on."""
        return self.night or self.rain >= WET_LAMPS or self.fog_visibility_m <= THICK_M or self.sun_elevation_rad < LOW_SUN_RAD


WEATHERS: dict[str, Weather] = {
    "day": Weather(),
    "evening": Weather(sun_azimuth_rad=2.6, sun_elevation_rad=0.22, cloud=0.3),
    "overcast": Weather(cloud=1.0),
    "fog": Weather(cloud=1.0, fog_visibility_m=70.0),
    "rain": Weather(cloud=1.0, fog_visibility_m=260.0, rain=0.8),
    "night": Weather(sun_elevation_rad=0.6, night=True),
}


def random_weather(rng: np.random.Generator) -> Weather:
    """A weather: mostly clear or cloudy days, one in six a night, some fog and rain."""
    night, rain, fog = bool(rng.random() < 1 / 6), bool(rng.random() < 0.15), bool(rng.random() < 0.12)
    visibility = float(rng.uniform(50, 200)) if fog else float(rng.uniform(200, 500)) if rain else np.inf
    return Weather(
        sun_azimuth_rad=float(rng.uniform(-np.pi, np.pi)),
        sun_elevation_rad=float(rng.uniform(0.2, 1.2)),
        cloud=1.0 if rain or fog else float(rng.uniform(0, 1)),
        fog_visibility_m=visibility,
        rain=float(rng.uniform(0.3, 1)) if rain else 0.0,
        night=night,
    )


def choose_weather(name: str, seed: int) -> Weather:
    """A weather by name, or the seed's where name is "random". Raises ValueError for another name."""
    if name == "random":
        return random_weather(np.random.default_rng([seed, 83]))
    if name not in WEATHERS:
        raise ValueError(f"no weather {name!r}; there are {', '.join(WEATHERS)} and random{did_you_mean(name, [*WEATHERS, 'random'])}")
    return WEATHERS[name]
