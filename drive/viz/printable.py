"""Names that others chose, made fit for a terminal or a page: nothing in them moves the cursor, colours or hides."""

from __future__ import annotations

import unicodedata

# Control characters, invisible formatting (text that turns round, zero width), lone surrogates, line and paragraph separators.
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    """The text with every hidden character written as Python's escape (`\\x1b`), on one line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in HIDDEN else c for c in text)


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide letters two, accents of their own none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
