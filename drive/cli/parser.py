"""argparse that says what was perhaps meant, and shows the usage of the verb it is about."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from drive.words import did_you_mean

_CHOICE = re.compile(r"invalid choice: '(?P<word>.*)' \(choose from (?P<known>.*)\)$", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """known_options_only: an option that there is not ends with a message about it, before anything else is complained of."""

    def __init__(self, *args: Any, known_options_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs | {"allow_abbrev": False}))
        self.known_options_only = known_options_only

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse's."""
        if self.known_options_only:
            for word in args or ():
                name = word.partition("=")[0]
                if name.startswith("--") and name != "--" and name not in self.options:
                    self.error(f"no option {name}{did_you_mean(name, self.options)}")
        return super().parse_known_args(args, namespace)

    @property
    def options(self) -> list[str]:
        """Every `-x` and `--name`."""
        return [name for action in self._actions for name in action.option_strings]

    def error(self, message: str) -> NoReturn:
        """The usage, and one line about what is wrong; exit status 2."""
        if choice := _CHOICE.search(message):
            message += did_you_mean(choice["word"], re.findall(r"[\w-]+", choice["known"]))
        super().error(message)


def number(least: float, most: float = float("inf"), whole: bool = True) -> Callable[[str], float]:
    """The type of an option whose value lies in least..most, as an integer where `whole`."""

    def read(text: str) -> float:
        wanted = f"{'an integer' if whole else 'a number'} of {least:g}" + (" or more" if most == float("inf") else f" to {most:g}")
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text}")
        return value

    return read
