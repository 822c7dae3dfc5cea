"""Which passes judge, by which thresholds: a YAML file, checked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from drive.curate.base import Pass
from drive.curate.passes.blank import Blank
from drive.curate.passes.blurred import Blurred
from drive.curate.passes.boxes import BoxesPass
from drive.curate.passes.duplicates import Duplicates
from drive.curate.passes.exposure import Exposure
from drive.curate.passes.frozen import Frozen
from drive.curate.passes.motion import MotionPass
from drive.curate.passes.one_picture import OnePicture
from drive.curate.passes.situations import Situations
from drive.curate.passes.standing import Standing
from drive.curate.passes.unread import Unread
from drive.data.plain_yaml import read_yaml
from drive.values import from_values


@dataclass(frozen=True)
class CurationRecipe:
    """A pass each, in the order that they judge; null leaves one out."""

    unread: Unread | None = field(default_factory=Unread)
    blank: Blank | None = field(default_factory=Blank)
    exposure: Exposure | None = field(default_factory=Exposure)
    blurred: Blurred | None = field(default_factory=Blurred)
    frozen: Frozen | None = field(default_factory=Frozen)
    one_picture: OnePicture | None = field(default_factory=OnePicture)
    standing: Standing | None = field(default_factory=Standing)
    motion: MotionPass | None = field(default_factory=MotionPass)
    boxes: BoxesPass | None = field(default_factory=BoxesPass)
    duplicates: Duplicates | None = field(default_factory=Duplicates)
    situations: Situations | None = field(default_factory=Situations)

    def passes(self) -> tuple[Pass, ...]:
        """Those that judge: droppers first, then those that weigh what is left."""
        there = [one for f in fields(self) if (one := getattr(self, f.name)) is not None]
        return tuple(sorted(there, key=lambda one: one.weighs))


def load_recipe(path: Path | None) -> CurationRecipe:
    """A recipe's file; what it does not name is as in `configs/curate/default.yaml`. Raises ValueError naming what is wrong in it."""
    return CurationRecipe() if path is None else from_values(CurationRecipe, read_yaml(path) or {}, str(path))
