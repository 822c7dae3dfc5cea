"""Why samples have no plan, in groups: reasons that differ in numbers alone are one."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Numbers that stand alone: those of names (tokens, files) belong to the names.
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w-])")


def grouped(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """(token, reason) -> (reason, its tokens), the most frequent first. Of several that differ in numbers alone the first is told, and
    that the others have other numbers."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for token, reason in reasons:
        groups.setdefault(_NUMBER.sub("0", reason), []).append((token, reason))
    told = [(_told([reason for _, reason in group]), [token for token, _ in group]) for group in groups.values()]
    return sorted(told, key=lambda group: -len(group[1]))


def _told(reasons: list[str]) -> str:
    return reasons[0] + ("; others alike, with other numbers" if len(set(reasons)) > 1 else "")
