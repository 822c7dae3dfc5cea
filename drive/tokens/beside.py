"""Text by the tokenizer that lies beside a language model's weights (tokenizer.json), in place of the package's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from drive.schema import DecodeError
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, repeat
from drive.tokens.text import TextPieces

FILE = "tokenizer.json"
_BROKEN = "\ufffd"  # what stands for bytes that are no UTF-8


def text_beside(folder: str | Path) -> TextPieces:
    """The text codec of a folder with language-model weights; its tokens are the model's, those of the range `language`.

    Raises ValueError where the folder has no tokenizer.json, it is damaged, or the package `tokenizers` is not installed.
    """
    return TokenizerText(Path(folder) / FILE)


@dataclass(frozen=True)
class TokenizerText:
    """A `TextPieces` of a tokenizer.json of Hugging Face's."""

    file: Path

    def __post_init__(self) -> None:
        assert self._tokenizer  # opened now, so that what is wrong with it is said now

    @cached_property
    def _tokenizer(self) -> Any:
        if not self.file.is_file():
            raise ValueError(f"{self.file} is missing: expected the tokenizer of the weights beside it")
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ValueError("this tokenizer needs the package tokenizers: pip install tokenizers") from error
        try:
            return Tokenizer.from_file(str(self.file))
        except Exception as error:  # it raises nothing narrower
            raise ValueError(f"{self.file} is damaged: {' '.join(str(error).split())[:200]}") from error

    @property
    def size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> Ids:
        """Raises ValueError for text that does not come back as it is (half characters, what the tokenizer normalises)."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"text holds half a character at {error.start}, which cannot be written") from None
        found = np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)
        if self._tokenizer.decode(found.tolist(), skip_special_tokens=False) != text:
            raise ValueError(f"{self.file} does not give {text[:50]!r} back as it is")
        return found

    def decode(self, tokens: ArrayLike) -> str:
        wanted = np.asarray(tokens, dtype=np.int64).reshape(-1)
        if ((wanted < 0) | (wanted >= self.size)).any():
            raise DecodeError(f"tokens {wanted.tolist()} are not all text tokens, 0 to {self.size - 1}")
        text: str = self._tokenizer.decode(wanted.tolist(), skip_special_tokens=False)
        if _BROKEN in text:
            raise DecodeError("byte tokens that are no UTF-8")
        return text

    def expression(self, first: int, most: int) -> Expression:
        """Up to `most` tokens other than the tokenizer's special ones. Its tokens may end inside a character: `decode` then raises."""
        special = sorted(token for token, added in self._tokenizer.get_added_tokens_decoder().items() if added.special)
        borders = [-1, *(token for token in special if token < self.size), self.size]
        parts = [ids(first + a + 1, first + b) for a, b in zip(borders, borders[1:], strict=False) if b > a + 1]
        return repeat(choice(*parts), 0, most)

    def name_of(self, token: int) -> str:
        """What a token stands for, for people."""
        return str(self._tokenizer.id_to_token(token))
