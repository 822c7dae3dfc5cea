"""YAML as plain values and nothing more: small, shallow, each key once, no aliases (a few lines of which fill any memory)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES, MAX_DEPTH = 1_000_000, 32


def read_yaml(path: str | Path) -> Any:
    """The values of a YAML file. Raises FileNotFoundError, and ValueError naming file and line, in one line."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file; expected a YAML file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES:,} bytes, which no configuration needs")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> Any:
    """The values of YAML text. Raises ValueError naming the source."""
    try:
        _check(yaml.parse(text, Loader=yaml.SafeLoader))
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: dates and numbers that are none
        raise ValueError(f"{source} is not YAML: {' '.join(str(error).split())[:300]}") from error


def _check(events: Iterator[yaml.Event]) -> None:
    """Refuse what the loader would go on with: aliases, depth without end, a key given twice (of which the last would count)."""
    open_: list[_Open] = []
    for event in events:
        line = f"line {event.start_mark.line + 1}" if event.start_mark else "somewhere"
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"{line}: aliases (*name) are not read here; write the value out")
        if isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
        elif isinstance(event, yaml.NodeEvent):
            if open_:
                open_[-1].take(event, line)
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append(_Open(isinstance(event, yaml.MappingStartEvent)))
        if len(open_) > MAX_DEPTH:
            raise ValueError(f"{line}: nested deeper than {MAX_DEPTH} levels")


class _Open:
    """A collection whose end is still to come; of a mapping, the keys so far."""

    def __init__(self, mapping: bool) -> None:
        self.mapping, self.keys, self.at_key = mapping, set[str](), True

    def take(self, event: yaml.NodeEvent, line: str) -> None:
        """The next node in it: in a mapping, keys and values in turn."""
        if self.mapping and self.at_key and isinstance(event, yaml.ScalarEvent):
            if event.value in self.keys:
                raise ValueError(f"{line}: the key {event.value!r} is there twice; keep one")
            self.keys.add(event.value)
        self.at_key = not self.at_key
