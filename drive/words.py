"""Words for people: the name that was perhaps meant, and text that cannot steer a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Control characters but newline and tab, and those that turn the direction of writing, hide, or are half a character.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def plain_text(text: str) -> str:
    """The text with whatever could steer a terminal written as an escape, such as `\\x1b`."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean first-drive?` where a known word is near, else nothing: the end of a message about an unknown word."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
