"""Requests as decoding takes them, and answers as it gives them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from drive.asking import PLAN
from drive.frames import Array
from drive.schema import Answers, DecodeError, Observation

if TYPE_CHECKING:
    from drive.decode.answer import Answer
    from drive.decode.tables import GrammarTables
    from drive.model.network import DrivingNetwork
    from drive.tasks import Task
    from drive.tasks.chain import ChainTask
    from drive.tasks.requests import Chain


def plan_first(chain: Chain) -> Chain:
    """The chain with its plans before all else."""
    return tuple(sorted(chain, key=lambda link: link.task != PLAN))


@dataclass(frozen=True, eq=False)
class Asked:
    """Requests as decoding takes them: their chains, the ids of the tokens that open them, the tables of their grammars."""

    chains: tuple[ChainTask, ...]
    ids: tuple[int, ...]
    tables: GrammarTables

    @staticmethod
    def of(network: DrivingNetwork, requests: tuple[Chain, ...], made: dict[str, Task] | None = None) -> Asked:
        """made: as of `ChainTask.of`. Raises ValueError for a request that the network's vocabulary does not have."""
        from drive.tasks.chain import ChainTask

        config = network.config
        return Asked.by(network, tuple(ChainTask.of(chain, config.vocabulary, config.window, made) for chain in requests))

    @staticmethod
    def by(network: DrivingNetwork, chains: tuple[ChainTask, ...]) -> Asked:
        """Of chains that are made already."""
        from drive.decode.tables import grammar_tables

        tables = grammar_tables([chain.grammar for chain in chains], network.config.vocabulary.size, next(network.parameters()).device)
        return Asked(chains, tuple(int(chain.openings[0][0]) for chain in chains), tables)


def read(asked: Asked, rows: list[list[Answer]], observation: Observation, late: str) -> Answers:
    """The answers of every link. late: why one was not reached."""
    from drive.decode.answer import Answer

    values: dict[str, tuple[Any, ...]] = {}
    log_probs: dict[str, Array] = {}
    failures: dict[str, str] = {}
    for chain, samples in zip(asked.chains, rows, strict=True):
        parts = [[Answer(a.ids[part], a.log_probs[part]) for part in chain.parts(a.ids)] for a in samples]
        for number, (link, task) in enumerate(zip(chain.chain, chain.tasks, strict=True)):
            if any(len(part) <= number for part in parts):
                failures[str(link)] = late
                continue
            try:
                values[str(link)] = tuple(_value(task, part[number], observation) for part in parts)
                log_probs[str(link)] = np.array([part[number].log_prob for part in parts])
            except DecodeError as error:
                failures[str(link)] = str(error)
    return Answers(values, log_probs, failures)


def _value(task: Task, answer: Answer, observation: Observation) -> Any:
    return task.scored(task.decode(answer.ids, observation), answer.ids, answer.log_probs)
