"""Drivers see the lights that hold them: share of views with a lit pixel of the light's colour, from the renderer's buffers."""

from __future__ import annotations

import pytest

from tests.render.lights_seen import Sighting, sightings

LEAST_SHARE = 0.97


def check(rows: list[Sighting], least: float = LEAST_SHARE) -> None:
    """At 8 to 40 m, and standing at the line, where nothing else stands between."""
    for rig in {row.rig for row in rows}:
        for standing in (True, False):
            free = [row for row in rows if row.rig == rig and (row.free or not row.inside) and (row.view.gap_m < 8.0) == standing]
            share = sum(row.lit > 0 for row in free) / len(free)
            assert len(free) > 5 and share >= least, (rig, "standing" if standing else "8 to 40 m", len(free), share)


def test_lights_are_seen() -> None:
    check([row for seed, weather in ((9100, "day"), (9101, "night")) for row in sightings(seed, weather, every=7)])


@pytest.mark.slow
@pytest.mark.parametrize("weather", ["day", "evening", "overcast", "rain", "fog", "night"])
def test_lights_are_seen_in_other_towns(weather: str) -> None:
    check([row for seed in range(9200, 9204) for row in sightings(seed, weather, every=2)], 0.97 if weather != "fog" else 0.95)
