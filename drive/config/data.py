"""What a stage trains on: sources told apart by `kind`, and mixes of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Tag

from drive.limits import HUGE, TINY, within
from drive.make.recipe import Recipe
from drive.values import kind_or


@dataclass(frozen=True)
class DatasetConfig:
    """The samples of a data set that have a whole recorded future.

    root: data set folder; `$NAME/` at its start is an environment variable (`$DRIVE_REAL/pandaset-002`). split: as for
    `open_dataset`. black: replace every picture by a black one (what is learned then was not read from pixels).
    yaw_degrees: show each sample once for every angle, pictures and target turned by it (`drive.data.yaw`); empty = as it is.
    yaw_margin_degrees: pictures are cropped so that a turn by this much leaves no border (only where yaw_degrees is given).
    """

    kind: Literal["dataset"] = "dataset"
    root: str = "data/mini"
    version: str | None = None
    split: str | None = None
    black: bool = False
    views: str = ""
    yaw_degrees: tuple[float, ...] = ()
    yaw_margin_degrees: float = 8.0

    def __post_init__(self) -> None:
        within(self, yaw_margin_degrees=(0, 45))
        if any(not -45 <= turn <= 45 for turn in self.yaw_degrees):
            raise ValueError(f"DatasetConfig.yaw_degrees must be -45 to 45, got {list(self.yaw_degrees)}")
        if self.views and self.yaw_degrees:
            raise ValueError("DatasetConfig.yaw_degrees turn pictures as they are; leave it empty where views are made of them")


@dataclass(frozen=True)
class TownData:
    """Demonstrations in rendered towns (`drive.make.shards`): `count` towns from seed `first` on, made in `folder` by `workers`
    processes where they are missing."""

    first: int
    count: int
    folder: str = "runs/towns"
    workers: int = 1
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        within(self, first=(0, 2**40), count=(1, 10_000_000), workers=(1, 1024))


@dataclass(frozen=True)
class TownsConfig:
    """Demonstrations in towns of one rig, one range of seeds after the other. black: as of `DatasetConfig`."""

    towns: tuple[TownData, ...]
    kind: Literal["towns"] = "towns"
    black: bool = False

    def __post_init__(self) -> None:
        if not self.towns:
            raise ValueError("TownsConfig.towns is empty: name the seeds of one town or more, such as {first: 10000, count: 8}")


@dataclass(frozen=True)
class RecordsConfig:
    """Records that `drive pack` wrote. root: as of `DatasetConfig`. split: one of theirs, or scene names with commas; None = all.

    decisions: a `curation.parquet` of `drive curate`, "" for none: what is not kept is left out, the rest is drawn by weight. tags: of its
    tags, such as "light:night", those that a record must have; with "not " before it, those that it must lack. black, views: as
    of `DatasetConfig`.
    """

    root: str
    kind: Literal["records"] = "records"
    split: str | None = "train"
    decisions: str = ""
    tags: tuple[str, ...] = ()
    black: bool = False
    views: str = ""

    def __post_init__(self) -> None:
        if self.tags and not self.decisions:
            raise ValueError("tags stand in decisions: give the curation.parquet of `drive curate` too")


_Dataset: TypeAlias = Annotated[DatasetConfig, Tag("dataset")]
_Towns: TypeAlias = Annotated[TownsConfig, Tag("towns")]
_Records: TypeAlias = Annotated[RecordsConfig, Tag("records")]


@dataclass(frozen=True)
class MixPart:
    """One source of a mix. weight: how often it is drawn from, beside the other parts'."""

    data: Annotated[_Dataset | _Towns | _Records, Discriminator(kind_or("dataset"))]
    weight: float = 1.0

    def __post_init__(self) -> None:
        within(self, weight=(TINY, HUGE))


@dataclass(frozen=True)
class MixConfig:
    """Several sources at once, drawn from by weight. A curriculum is one mix a stage."""

    parts: tuple[MixPart, ...]
    kind: Literal["mix"] = "mix"

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("MixConfig.parts is empty: name one source or more, such as {data: {root: data/mini}, weight: 2}")


DataConfig = Annotated[_Dataset | _Towns | _Records | Annotated[MixConfig, Tag("mix")], Discriminator(kind_or("dataset"))]


def parts_of(data: DatasetConfig | TownsConfig | RecordsConfig | MixConfig) -> tuple[MixPart, ...]:
    """The sources of a configuration; one that is no mix is its own only part."""
    return data.parts if isinstance(data, MixConfig) else (MixPart(data),)


def expand(root: str) -> str:
    """`${NAME}` and `${NAME:-default}` in a path -> the environment variable. Raises ValueError where one is not set."""

    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        found = os.environ.get(name) or default
        if found is None:
            raise ValueError(f"data root {root!r} needs the environment variable {name}: set it to the folder that holds the data")
        return found

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", value, root)
