"""Which questions to keep so that a question alone does not tell its answer.

Of each question no answer stays more frequent than the one that comes second: whoever guesses without looking is right at most every
second time, and yes and no are equally frequent. A question whose answer is always the same is left out whole. GQA (arXiv 1902.09506,
section 3.4) smooths its answers' distribution in the same way. What is kept follows from the samples' tokens: nothing is drawn.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from drive.answers.ask import Reply
from drive.schema import SceneSample
from drive.tasks.questions import asked, chance

TOWNS_FILE = Path(__file__).with_name("towns.json")
PER_INTENT = 2
NUMBER_STEP = {"m": 5.0, "m/s": 2.0}  # numbers within such a step are the same answer here


def answer_key(reply: Reply) -> str:
    """Replies that count as the same answer."""
    if reply.kind != "number":
        return f"{reply.kind} {reply.value}"
    return f"{reply.unit} {int(float(reply.value) // NUMBER_STEP[reply.unit or 'm'])}"


@dataclass(frozen=True)
class Balance:
    """shares: question's name -> answer -> the share of its samples that keep the question."""

    shares: Mapping[str, Mapping[str, float]]

    @staticmethod
    def of(samples: Iterable[SceneSample]) -> Balance:
        """The balance of a set of samples, which is read once."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for sample in samples:
            for question, reply in asked(sample):
                counts[question.name][answer_key(reply)] += 1
        return Balance({name: _shares(counter) for name, counter in sorted(counts.items())})

    def asked(self, sample: SceneSample) -> Iterator[Reply]:
        """What is asked of one sample, as right answers that say their question, at most `PER_INTENT` of one meaning, so that counts of
        everything do not crowd out what matters. What the set did not have is kept."""
        kept: dict[str, list[tuple[float, Reply]]] = defaultdict(list)
        for question, reply in asked(sample):
            share = self.shares.get(question.name, {}).get(answer_key(reply), 1.0)
            if chance("keep", sample.token, question.name) < share:
                kept[question.intent.name].append((chance("take", sample.token, question.name), reply))
        for found in kept.values():
            yield from (reply for _, reply in sorted(found, key=lambda one: one[0])[:PER_INTENT])

    def save(self, file: Path) -> None:
        """As JSON, shares to four digits; those of 1 are left out, since what is not told is kept."""
        told = {name: {answer: round(share, 4) for answer, share in own.items() if share < 1} for name, own in self.shares.items()}
        file.write_text(json.dumps({name: own for name, own in told.items() if own}, indent=1) + "\n")

    @staticmethod
    def load(file: Path) -> Balance:
        """The inverse of `save`."""
        return Balance(json.loads(file.read_text()))


@cache
def towns_balance() -> Balance:
    """Of towns as traffic drives through them, by tools/train_text.py: what task `ask` asks."""
    return Balance.load(TOWNS_FILE)


def balanced(samples: Iterable[SceneSample]) -> list[tuple[str, str, Reply]]:
    """A set of samples -> exactly balanced (token of the sample, question in words, right answer), in the samples' order: the most frequent
    answer of each question is asked as often as the second."""
    found = [(sample.token, question.name, reply) for sample in samples for question, reply in asked(sample)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for _, name, reply in found:
        counts[name][answer_key(reply)] += 1
    most = {name: _second(counter) for name, counter in counts.items()}
    taken: Counter[tuple[str, str]] = Counter()
    kept = set()
    for k in sorted(range(len(found)), key=lambda k: chance("keep", found[k][0], found[k][1])):
        _, name, reply = found[k]
        key = (name, answer_key(reply))
        if taken[key] < most[name]:
            taken[key] += 1
            kept.add(k)
    return [(token, reply.question, reply) for k, (token, _, reply) in enumerate(found) if k in kept]


def _second(counts: Counter[str]) -> int:
    """How often the second commonest answer comes; 0 where there is one answer only."""
    return counts.most_common(2)[1][1] if len(counts) > 1 else 0


def _shares(counts: Counter[str]) -> dict[str, float]:
    most = _second(counts)
    return {answer: min(1.0, most / number) for answer, number in sorted(counts.items())}
