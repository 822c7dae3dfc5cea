"""Trajectory codecs by name: one file each."""

from drive.tokens.codecs.action import ActionCodec, ReversingActionCodec
from drive.tokens.codecs.base import Ids, TrajectoryCodec
from drive.tokens.codecs.bins import BinsCodec
from drive.tokens.codecs.codebook import CodebookCodec
from drive.tokens.codecs.dct import DctCodec
from drive.tokens.codecs.text import TextCodec

_CODECS: tuple[type[TrajectoryCodec], ...] = (BinsCodec, TextCodec, ActionCodec, ReversingActionCodec, CodebookCodec, DctCodec)
CODECS: dict[str, type[TrajectoryCodec]] = {codec.name: codec for codec in _CODECS}

__all__ = ["CODECS", "BinsCodec", "Ids", "TextCodec", "TrajectoryCodec"]
