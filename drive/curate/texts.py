"""What the passes of words share: the libraries that they need, and a look at each distinct text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from drive.curate.base import FINE, Judged
from drive.curate.facts import RecordFacts

SHOWN = 80  # letters of a text in a reason
TOLD = 3  # texts in a reason


@contextmanager
def needed() -> Iterator[None]:
    """Around imports of libraries for words. Raises ValueError that says how to install them."""
    try:
        yield
    except ImportError as error:
        told = "pip install 'drive[words]', or leave language, profanity, personal and tone out of the recipe"
        raise ValueError(f"searching texts needs {error.name}: {told}") from error


def dropped_for(records: Sequence[RecordFacts], find: Callable[[str], str]) -> list[Judged]:
    """A finding for each record, by what `find` says is wrong with a text, "" where nothing is. Each distinct text is looked at once."""
    wrong = {text: find(text) for text in dict.fromkeys(text for record in records for text in record.texts)}
    return [_finding([told for text in record.texts if (told := wrong[text])]) if record.texts else FINE for record in records]


def shown(text: str) -> str:
    """A text in a reason."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return f'"{plain if len(plain) <= SHOWN else plain[: SHOWN - 3] + "..."}"'


def _finding(told: list[str]) -> Judged:
    more = [f"and {len(told) - TOLD} more"] if len(told) > TOLD else []
    return Judged("; ".join(told[:TOLD] + more), scores={"texts": float(len(told))})
