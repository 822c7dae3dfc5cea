"""Who writes ScenarioNet files, and what each converter means by the fields that they all share.

Read of the converters in metadriverse/scenarionet (2023-2025) and of what they call:

- nuScenes: the ego's position is that of `ego_pose` or CAN (rear axle); [length, width] is written where nuScenes' own sizes have
  [width, length], so the ego's two are swapped (agents' are not); `speed_limit_kmh` is 100 everywhere.
- Waymo: `center_x`, `center_y` of the box; widths, neighbours, connections, limits and lights are the data set's.
- nuPlan: `EgoState.waypoint`, whose box is the car's footprint: the centre; a light's point lies 8 m into its connector.
- Argoverse 2 (motion forecasting): "center of object bounding box" (av2's data schema); sizes are nominal, the limit is 85 mph everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Producer:
    """centred: the ego's point is its box's centre (else its rear axle); swapped: its length and width; limits: speed limits are told;
    light_inside_m: how far behind the stop line on its lane a light's point lies."""

    centred: bool
    swapped: bool = False
    limits: bool = False
    light_inside_m: float = 0.0


PRODUCERS = {
    "nuscenes": Producer(centred=False, swapped=True),
    "waymo": Producer(centred=True, limits=True),
    "nuplan": Producer(centred=True, light_inside_m=8.0),
    "av2": Producer(centred=True),
}


def producer_of(metadata: dict, where: str) -> Producer:
    """The converter that wrote a file. Raises ValueError where it is not one of PRODUCERS: where the ego is would be a guess."""
    name = metadata.get("dataset")
    if not isinstance(name, str) or name not in PRODUCERS:
        raise ValueError(
            f"{where}, metadata.dataset: {name!r} is none of {', '.join(PRODUCERS)}; whether the ego's position is its rear axle or the "
            "centre of its box is known for these alone"
        )
    return PRODUCERS[name]
