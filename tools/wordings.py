"""Does a planner understand questions, or the wordings it was trained on? The same questions in both, scored beside a guess.

    python tools/wordings.py DATA --planner CHECKPOINT [--questions tests/tasks/fifty_questions.json] [--limit N]

The file holds questions in other words than the templates', each with the meaning that it has (`asks`, a name of
`drive.tasks.questions.QUESTIONS`). Each is asked on every sample whose target knows the answer, and so is a template of the same meaning.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from drive.answers.ask import Reply
from drive.asking import Refusal, asked, common_window
from drive.data.dataset import Dataset, open_dataset
from drive.eval.tasks.ask import ASK
from drive.make.shard_samples import ShardFolder, is_shard_folder
from drive.planners.load import load_planner
from drive.schema import SceneSample
from drive.tasks.answered import answers_of
from drive.tasks.questions import QUESTIONS, Facts
from drive.tasks.questions.put import TASK, require_answers
from drive.tasks.requests import Request

FIFTY = Path("tests/tasks/fifty_questions.json")
SHOWN = ("balanced", "exact", "distance_error", "speed_error")


def pairs(samples: Iterable[SceneSample], questions: list[dict[str, str]]) -> list[tuple[SceneSample, Reply, Reply]]:
    """(sample, right answer asked in these words, the same asked in a template's) for all that targets know."""
    found = []
    for sample in samples:
        facts = Facts(sample)
        for one in questions:
            question = QUESTIONS[one["asks"]]
            reply = question.answer(facts)
            if reply is not None:
                found.append((sample, replace(reply, question=one["question"]), replace(reply, question=question.texts[0])))
    return found


def answers(planner: Any, asking: list[tuple[SceneSample, Reply]]) -> list[Reply | None]:
    """A planner's answers, None where there is none; all questions of a sample are asked together."""
    found: list[Reply | None] = []
    for _, group in groupby(asking, key=lambda one: one[0].token):
        own = list(group)
        requests = [str(Request(TASK, prompt=truth.question)) for _, truth in own]
        told = asked(lambda: answers_of(planner, own[0][0].observation, list(dict.fromkeys(requests))))  # noqa: B023 - asked at once
        values = {} if isinstance(told, Refusal) else told.values
        found += [values[request][0] if request in values else None for request in requests]
    return found


def scores(found: list[Reply | None], truths: list[Reply]) -> dict[str, float]:
    """The metric's main numbers."""
    every = np.ones(len(truths), dtype=bool)
    return {result.name: result.over(every) for result in ASK.score(found, truths) if result.name in SHOWN}


def opened(data: Path, limit: int | None, planner: Any) -> Dataset:
    """A data set, or a folder of demonstrations in towns."""
    window = common_window([planner])
    return ShardFolder(data, window, limit) if is_shard_folder(data) else open_dataset(data, limit=limit, window=window, maps=False)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--planner", required=True)
    parser.add_argument("--questions", type=Path, default=FIFTY)
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    planner = load_planner(args.planner)
    require_answers(planner)
    dataset = opened(args.data, args.limit, planner)
    asking = pairs(dataset, json.loads(args.questions.read_text()))
    ours, theirs = ([(sample, row[k]) for sample, *row in asking] for k in (0, 1))
    print(f"{len(asking)} questions on {len(dataset)} samples")
    for name, part in (("other words", ours), ("templates", theirs)):
        truths = [truth for _, truth in part]
        guess = next(iter(ASK.baselines(truths).values()))
        for who, found in ((planner.name, answers(planner, part)), ("question-only", list(guess))):
            print(f"{name:12} {who:20} " + "  ".join(f"{key} {value:.3f}" for key, value in scores(found, truths).items()))


if __name__ == "__main__":
    main()
