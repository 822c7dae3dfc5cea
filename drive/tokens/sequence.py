"""Where every token stands: frames, tail, request spans, their positions, and who may attend to whom.

    frame 0: camera tokens, motion | frame 1: ... | tail: history, dynamics, command || span 0: see, decide, plan | span 1: boxes | ...

Attention is bidirectional within a frame, causal between frames; the tail (what is known at t0) sees all frames and is
seen by the spans alone, so frames stay valid in a cache while t0 moves on. A span sees the prefix and, causally, itself: the links
of a chain see those before them, and no span sees another.
Frames can be kept apart: each then sees itself alone, and stays valid when those before it leave the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_FRAMES = 4
# The tail stands behind the frames, the spans behind the tail, whatever the number of frames given.
TAIL_POSITION = MAX_FRAMES
SPAN_POSITION = TAIL_POSITION + 1


@dataclass(frozen=True, eq=False)
class TokenSequence:
    """One sequence of N tokens.

    block [N] int64: the frame index, `MAX_FRAMES` for the tail, and for spans `MAX_FRAMES + 1 + span index`.
    position [N] int64: position id (all sensor tokens of a frame share one). labels: a name per token, for pictures.
    """

    block: NDArray[np.int64]
    position: NDArray[np.int64]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.block)


def frame_tokens(index: int, labels: Sequence[str]) -> TokenSequence:
    """The tokens of one frame; labels name them (camera name, "motion")."""
    if not 0 <= index < MAX_FRAMES:
        raise ValueError(f"frame index must be 0 to {MAX_FRAMES - 1}, got {index}")
    return _uniform(index, index, [f"frame {index} {label}" for label in labels])


def tail_tokens(labels: Sequence[str]) -> TokenSequence:
    """The tokens of the tail, one per kind of input."""
    return _uniform(MAX_FRAMES, TAIL_POSITION, labels)


def span_tokens(index: int, *links: tuple[str, int]) -> TokenSequence:
    """A request span of (name, length) links, one behind the other: request token and answer. A chain has several, each of which sees
    those before it. Positions restart at the same place for every span."""
    labels = tuple(name for name, length in links for _ in range(length))
    position = SPAN_POSITION + np.arange(len(labels), dtype=np.int64)
    return TokenSequence(np.full(len(labels), MAX_FRAMES + 1 + index, dtype=np.int64), position, labels)


def concatenate(parts: Sequence[TokenSequence]) -> TokenSequence:
    """Sequences one after the other."""
    labels = tuple(label for part in parts for label in part.labels)
    return TokenSequence(np.concatenate([p.block for p in parts]), np.concatenate([p.position for p in parts]), labels)


def may_attend(query_block: Any, query_position: Any, key_block: Any, key_position: Any, apart: bool = False) -> Any:
    """The attention rule on broadcastable integer arrays (NumPy or torch) -> bool: may this query attend to this key? apart: frames
    attend to no earlier frame."""
    to_prefix = (key_block <= MAX_FRAMES) & (key_block <= query_block)
    if apart:
        to_prefix = to_prefix & ((query_block >= MAX_FRAMES) | (key_block == query_block))
    in_own_span = (query_block > MAX_FRAMES) & (key_block == query_block) & (key_position <= query_position)
    return to_prefix | in_own_span


def attention_table(sequence: TokenSequence, apart: bool = False) -> NDArray[np.bool_]:
    """Who attends to whom, [N queries, N keys] bool, True = may attend. apart: as of `may_attend`."""
    block, position = sequence.block, sequence.position
    return may_attend(block[:, None], position[:, None], block[None, :], position[None, :], apart)


def _uniform(block: int, position: int, labels: Sequence[str]) -> TokenSequence:
    count = len(labels)
    return TokenSequence(np.full(count, block, dtype=np.int64), np.full(count, position, dtype=np.int64), tuple(labels))
