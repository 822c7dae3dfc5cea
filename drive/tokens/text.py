"""Text as tokens: pieces of words by SentencePiece (arXiv 1808.06226), and bytes for whatever has no piece.

Whoever writes text takes a `TextPieces`; the one of the package is `driving_text()`, trained on its own questions and descriptions by
tools/train_text.py. Text is taken as it is (no Unicode normalisation, no space put before it), and every string comes back exactly.
Its tokens are the range `text` of a vocabulary: token 0 of the range is piece 1 of the model (piece 0 is SentencePiece's "unknown",
which byte pieces make needless).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from drive.schema import DecodeError
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, repeat, sequence
from drive.tokens.vocab import IdRange

TEXT = "text"
MODEL_FILE = Path(__file__).with_name("driving.model")
TOKENS = 1023  # of the model in MODEL_FILE; known without opening it
BYTES = 256
SPACE = "\u2581"  # what SentencePiece writes for a space


class TextPieces(Protocol):
    """Text in and out of tokens 0 <= id < size."""

    @property
    def size(self) -> int: ...

    def encode(self, text: str, /) -> Ids:
        """Text -> tokens [L] int64. Raises ValueError for half characters (surrogates), which are no text."""
        ...

    def decode(self, tokens: ArrayLike, /) -> str:
        """The inverse of `encode`. Raises DecodeError where the tokens are no text."""
        ...

    def expression(self, first: int, most: int, /) -> Expression:
        """Exactly the texts of at most `most` characters or pieces, where token 0 has the id `first` in a vocabulary."""
        ...


@dataclass(frozen=True)
class SentenceText:
    """A SentencePiece model with a piece for every byte."""

    file: Path

    @cached_property
    def _model(self) -> Any:
        from sentencepiece import SentencePieceProcessor

        return SentencePieceProcessor(model_file=str(self.file))

    @cached_property
    def _bytes(self) -> tuple[bytes, ...]:
        """What each token stands for. Raises ValueError where the model is none of those that `tools/train_text.py` makes."""
        model = self._model
        names = [model.id_to_piece(k) for k in range(1, model.get_piece_size())]
        if names[:BYTES] != [f"<0x{k:02X}>" for k in range(BYTES)]:
            raise ValueError(f"{self.file}: expected a SentencePiece model with bytes as pieces 1 to {BYTES}: tools/train_text.py does")
        return tuple(bytes([k]) for k in range(BYTES)) + tuple(name.replace(SPACE, " ").encode() for name in names[BYTES:])

    @property
    def size(self) -> int:
        return len(self._bytes)

    def encode(self, text: str) -> Ids:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"text holds half a character at {error.start}, which cannot be written") from None
        assert self._bytes
        found: list[int] = []
        for k, part in enumerate(text.split(SPACE)):  # which the model would read as a space
            found += ([byte + 1 for byte in SPACE.encode()] if k else []) + self._model.encode(part)
        return np.array(found, dtype=np.int64) - 1

    def decode(self, tokens: ArrayLike) -> str:
        wanted = np.asarray(tokens, dtype=np.int64).reshape(-1)
        if ((wanted < 0) | (wanted >= self.size)).any():
            raise DecodeError(f"tokens {wanted.tolist()} are not all text tokens, 0 to {self.size - 1}")
        try:
            return b"".join(self._bytes[k] for k in wanted.tolist()).decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"byte tokens that are no UTF-8: {error}") from None

    def expression(self, first: int, most: int) -> Expression:
        return repeat(character(first, self.size), 0, most)

    def name_of(self, token: int) -> str:
        """What a token stands for, for people."""
        return self._bytes[token].decode(errors="backslashreplace")


@cache
def driving_text() -> SentenceText:
    """The codec of the package's own model."""
    return SentenceText(MODEL_FILE)


@cache
def text_words() -> tuple[str, ...]:
    """What each id of the range `text` stands for, in quotes."""
    return tuple(repr(driving_text().name_of(k)) for k in range(TOKENS))


def text_range() -> IdRange:
    """The range that a task declares which writes text with `driving_text`."""
    return IdRange(TEXT, TOKENS)


def character(first: int, size: int) -> Expression:
    """One piece, or the bytes of one UTF-8 character (The Unicode Standard, table 3-7), with token 0 at the id `first`."""

    def byte(low: int, high: int) -> Expression:
        return ids(first + low, first + high + 1)

    more = byte(0x80, 0xBF)
    return choice(
        ids(first + BYTES, first + size),
        byte(0x00, 0x7F),
        sequence(byte(0xC2, 0xDF), more),
        sequence(byte(0xE0, 0xE0), byte(0xA0, 0xBF), more),
        sequence(choice(byte(0xE1, 0xEC), byte(0xEE, 0xEF)), more, more),
        sequence(byte(0xED, 0xED), byte(0x80, 0x9F), more),
        sequence(byte(0xF0, 0xF0), byte(0x90, 0xBF), more, more),
        sequence(byte(0xF1, 0xF3), more, more, more),
        sequence(byte(0xF4, 0xF4), byte(0x80, 0x8F), more, more),
    )
