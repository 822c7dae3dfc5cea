"""What a source of training samples is, and what a network asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drive.schema import SceneSample, Window


@dataclass(frozen=True)
class Needs:
    """What samples must hold for a network: the window's times, pictures of a size (width, height) where they cannot be resized,
    a past, and what a navigator says."""

    window: Window
    size: tuple[int, int] | None = None
    past: bool = False
    navigation: bool = False


class Source(Protocol):
    """Samples by their index, the same ones in every process. A source is one file, its configuration in `drive.config.data`, and
    a line in `drive.train.sources.SOURCES`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> SceneSample:
        """A sample. Raises MissingImage where a picture is absent that must be changed."""
        ...

    def unread(self, index: int, /) -> SceneSample:
        """The sample with its cameras, which say what is in view, its pictures not read or changed: what its answers are looked up in,
        quickly."""
        ...

    def turn_degrees(self, index: int, /) -> float:
        """By how much the sample's pictures are turned from what was recorded."""
        ...
