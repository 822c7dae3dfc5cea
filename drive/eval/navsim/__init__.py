"""NAVSIM: `pdms` (PDM score, v1.1) and `epdms` (extended PDM score, v2.2); `two_stage.navhard` for the two-stage benchmark.

Scene + plan --simulate--> driven states --areas, contacts, comfort--> sub-scores --v1, v2--> scores
"""

from drive.eval.navsim.load import load_scenes, scene_from_arrays
from drive.eval.navsim.scene import Scene
from drive.eval.navsim.v1 import pdms
from drive.eval.navsim.v2 import epdms

__all__ = ["Scene", "epdms", "load_scenes", "pdms", "scene_from_arrays"]
