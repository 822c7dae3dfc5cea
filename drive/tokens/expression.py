"""What answers look like, written down: expressions over ranges of ids, compiled by `drive.tokens.grammar`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ids:
    """One token, low <= id < high."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(f"a range of ids needs 0 <= low < high, got {self.low} to {self.high}")


@dataclass(frozen=True)
class Sequenced:
    """One part after the other."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Choice:
    """One of several."""

    options: tuple[Expression, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError("a choice needs at least one option: a grammar with a dead end has no answers")


@dataclass(frozen=True)
class Repeat:
    """A part, `least` to `most` times."""

    part: Expression
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"repetition needs 0 <= least <= most, got {self.least} to {self.most}")


@dataclass(frozen=True)
class Counted:
    """Tokens whose weights add up to a total: (tokens, weight) options, one of weight 1 among them, so that there is always a way."""

    options: tuple[tuple[Ids, int], ...]
    total: int

    def __post_init__(self) -> None:
        if self.total < 0 or min((weight for _, weight in self.options), default=0) != 1:
            raise ValueError(f"counting to {self.total} needs weights of 1 and more, one of them 1, got {[w for _, w in self.options]}")


Expression = Ids | Sequenced | Choice | Repeat | Counted


def ids(low: int | range, high: int | None = None) -> Ids:
    """One token of a range: `ids(10, 20)` or `ids(range(10, 20))`."""
    return Ids(low.start, low.stop) if isinstance(low, range) else Ids(low, low + 1 if high is None else high)


def token(value: int) -> Ids:
    """This very token."""
    return Ids(int(value), int(value) + 1)


def sequence(*parts: Expression) -> Sequenced:
    """One part after the other; nothing at all where there is none."""
    return Sequenced(parts)


def choice(*options: Expression) -> Choice:
    """One of several."""
    return Choice(options)


def repeat(part: Expression, least: int, most: int) -> Repeat:
    """A part, `least` to `most` times."""
    return Repeat(part, least, most)


def one_of(values: Iterable[int]) -> Choice:
    """One token out of some; neighbours become one range when compiled."""
    return Choice(tuple(token(value) for value in values))


def literal(values: Iterable[int]) -> Sequenced:
    """These tokens, one after the other."""
    return Sequenced(tuple(token(value) for value in values))
