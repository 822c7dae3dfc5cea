"""How questions are written: single requests, and chains of them.

    plan                     a task with its usual parameter
    plan:text                with another one
    ask(may I go?)           with words: commas, colons and > within the parentheses are part of them
    see>decide>plan,boxes    `,` between spans that do not see each other, `>` within a span, whose links see those before them
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drive.words import did_you_mean

_SINGLE = re.compile(r"\s*([^:(]*?)\s*(?::\s*([^(]*?)\s*)?(?:\((.*)\)\s*)?", re.DOTALL)


@dataclass(frozen=True)
class Request:
    """One question. parameter: "" where the task takes none. prompt: the question in words, "" where none is asked."""

    task: str
    parameter: str = ""
    prompt: str = ""

    @property
    def name(self) -> str:
        """What a network's token stands for: the request without its words."""
        return f"{self.task}:{self.parameter}" if self.parameter else self.task

    def __str__(self) -> str:
        return f"{self.name}({self.prompt})" if self.prompt else self.name


# Requests that are answered in one span, each seeing the answers before it.
Chain = tuple[Request, ...]


def spelled(chain: Chain) -> str:
    """A chain as it is written, parameters spelled out: `see>plan:bins`."""
    return ">".join(map(str, chain))


def parse_chains(requests: str | Sequence[str], kinds: Mapping[str, Any]) -> tuple[Chain, ...]:
    """Texts with `,` and `>` -> chains in order, each once. kinds: the tasks by name.

    Raises ValueError for what is no request of these, and where one request stands in two places: answers are told apart by it.
    """
    texts = [requests] if isinstance(requests, str) else list(requests)
    found = [tuple(parse_single(link, kinds) for link in _split(span, ">", text)) for text in texts for span in _split(text, ",", text)]
    chains = tuple(dict.fromkeys(found))
    links = [str(link) for chain in chains for link in chain]
    twice = next((link for link in links if links.count(link) > 1), None)
    if twice:
        told = ",".join(map(spelled, chains))
        raise ValueError(f"requests {told!r}: {twice} is asked twice, and answers are told apart by their request; leave one of them out")
    return chains


def parse_single(text: str, kinds: Mapping[str, Any]) -> Request:
    """One request, its parameter spelled out. Raises ValueError where no task answers it."""
    match = _SINGLE.fullmatch(text)
    if match is None:
        raise ValueError(f"request {text.strip()!r}: expected NAME, NAME:PARAMETER or NAME(words), with nothing behind the parentheses")
    name, parameter, prompt = (part or "" for part in match.groups())
    if name not in kinds:
        known = ", ".join(kinds)
        raise ValueError(f"request {text.strip()!r}: this version has no task {name!r}; it has {known}{did_you_mean(name, kinds)}")
    own = kinds[name].parameters
    if parameter and parameter not in own:
        expected = ", ".join(filter(None, own)) or "no parameter"
        raise ValueError(f"request {text.strip()!r}: {name} takes {expected}, not {parameter!r}{did_you_mean(parameter, own)}")
    if prompt and not kinds[name].prompted:
        asking = ", ".join(n for n, kind in kinds.items() if kind.prompted)
        raise ValueError(f"request {text.strip()!r}: {name} takes no words in parentheses; tasks that do: {asking or 'none'}")
    return Request(name, parameter or next(iter(own), ""), " ".join(prompt.split()))


def _split(text: str, mark: str, whole: str) -> Iterator[str]:
    """The parts between marks that stand outside of parentheses. Raises ValueError where one is empty or parentheses do not match."""
    depth, start = 0, 0
    for place, letter in enumerate(text + mark):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (depth and place == len(text)):
            raise ValueError(f"request {whole!r}: its parentheses do not match; write words as in ask(may I go?)")
        if letter == mark and not depth:
            if not text[start:place].strip():
                raise ValueError(f"request {whole!r}: nothing stands before or behind a {mark!r}; expected as in see>plan,boxes")
            yield text[start:place]
            start = place + 1
