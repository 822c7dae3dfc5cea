"""Which passes judge, by which thresholds: a YAML file, checked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from drive.curate.base import Pass
from drive.curate.looker import Network
from drive.curate.passes.alike import Alike
from drive.curate.passes.blank import Blank
from drive.curate.passes.blurred import Blurred
from drive.curate.passes.borders import Borders
from drive.curate.passes.box_fit import BoxFit
from drive.curate.passes.boxes import BoxesPass
from drive.curate.passes.captions import Captions
from drive.curate.passes.contradictions import Contradictions
from drive.curate.passes.copies import Copies
from drive.curate.passes.cruising import Cruising
from drive.curate.passes.dirty import Dirty
from drive.curate.passes.duplicates import Duplicates
from drive.curate.passes.exposure import Exposure
from drive.curate.passes.frozen import Frozen
from drive.curate.passes.language import LanguagePass
from drive.curate.passes.motion import MotionPass
from drive.curate.passes.one_picture import OnePicture
from drive.curate.passes.personal import Personal
from drive.curate.passes.profanity import Profanity
from drive.curate.passes.rig import Rig
from drive.curate.passes.road import Road
from drive.curate.passes.situations import Situations
from drive.curate.passes.standing import Standing
from drive.curate.passes.tone import Tone
from drive.curate.passes.unread import Unread
from drive.data.plain_yaml import read_yaml
from drive.values import from_values


@dataclass(frozen=True)
class CurationRecipe:
    """A pass each, in the order that they judge; null leaves one out. Those of words need libraries of their own (`drive.curate.texts`),
    and are left out where the recipe does not name them."""

    unread: Unread | None = field(default_factory=Unread)
    blank: Blank | None = field(default_factory=Blank)
    exposure: Exposure | None = field(default_factory=Exposure)
    blurred: Blurred | None = field(default_factory=Blurred)
    frozen: Frozen | None = field(default_factory=Frozen)
    dirty: Dirty | None = field(default_factory=Dirty)
    borders: Borders | None = field(default_factory=Borders)
    captions: Captions | None = field(default_factory=Captions)
    one_picture: OnePicture | None = field(default_factory=OnePicture)
    standing: Standing | None = field(default_factory=Standing)
    motion: MotionPass | None = field(default_factory=MotionPass)
    boxes: BoxesPass | None = field(default_factory=BoxesPass)
    road: Road | None = field(default_factory=Road)
    contradictions: Contradictions | None = field(default_factory=Contradictions)
    rig: Rig | None = field(default_factory=Rig)
    box_fit: BoxFit | None = field(default_factory=BoxFit)
    language: LanguagePass | None = None
    profanity: Profanity | None = None
    personal: Personal | None = None
    tone: Tone | None = None
    copies: Copies | None = field(default_factory=Copies)
    alike: Alike | None = field(default_factory=Alike)
    cruising: Cruising | None = field(default_factory=Cruising)
    duplicates: Duplicates | None = field(default_factory=Duplicates)
    situations: Situations | None = field(default_factory=Situations)

    def passes(self) -> tuple[Pass, ...]:
        """Those that judge: droppers first, then those that weigh what is left."""
        there = [one for f in fields(self) if (one := getattr(self, f.name)) is not None]
        return tuple(sorted(there, key=lambda one: one.weighs))

    @property
    def network(self) -> Network | None:
        """Which one is to look at the records' pictures; None where no pass asks for any."""
        return None if self.alike is None else self.alike.network


def load_recipe(path: Path | None) -> CurationRecipe:
    """A recipe's file; what it does not name is as in `configs/curate/default.yaml`. Raises ValueError naming what is wrong in it."""
    return CurationRecipe() if path is None else from_values(CurationRecipe, read_yaml(path) or {}, str(path))
