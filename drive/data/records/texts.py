"""The free texts of a record: what its messages say, and what others wrote into its JSON beside our fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What `sample` and `drive.records.pack` write: names, numbers and words of closed lists.
OWN = {"id", "scene", "drive", "source", "index", "frames_after", "timestamp_us", "world_from_ego", "observation", "target", "unknown"}
# Of messages: parts that hold no words, and keys that say what a part is (`drive.tasks.messages`).
QUIET, LABELS = ("image", "ego", "request"), ("type", "role", "request")


def texts_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """A record's JSON -> its texts, each once, in their order: questions, answers (every string in them), and all strings of keys that
    are not ours, however they are nested."""
    found = (text.strip() for key, value in values.items() if key not in OWN for text in _strings(value))
    return tuple(dict.fromkeys(text for text in found if text))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, dict) and value.get("type") not in QUIET:
        for key, one in value.items():
            if key not in LABELS:
                yield from _strings(one)
