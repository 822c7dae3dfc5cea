"""Trajectory codecs by name: one file each."""

from drive.tokens.codecs.base import Ids, TrajectoryCodec
from drive.tokens.codecs.bins import BinsCodec
from drive.tokens.codecs.text import TextCodec

CODECS: dict[str, type[TrajectoryCodec]] = {codec.name: codec for codec in (BinsCodec, TextCodec)}

__all__ = ["CODECS", "BinsCodec", "Ids", "TextCodec", "TrajectoryCodec"]
