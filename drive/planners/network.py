"""A network as a planner: observations in, any of its requests answered, the most central plan first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.schema import Answers, DecodeError, Observation, Plan, PlannerSpec

if TYPE_CHECKING:
    from drive.decode.answer import Answer
    from drive.decode.engine import Engine
    from drive.decode.tables import GrammarTables
    from drive.model.network import DrivingNetwork
    from drive.tasks import Task

    Decode = Callable[..., list[list[list[Answer]]]]


@dataclass(eq=False)
class NetworkPlanner:
    """A network as a planner. seed: of the samples drawn, which are the same for the same observation. temperature: of the
    draw. request: the plan's request that `plan` asks, the network's first by default."""

    network: DrivingNetwork
    name: str = "network"
    seed: int = 0
    temperature: float = 1.0
    request: str | None = None
    _asked: dict[tuple[str, ...], Asked] = field(default_factory=dict, repr=False)

    @property
    def spec(self) -> PlannerSpec:
        """What its network was built for. Whoever opens data for it passes the window on."""
        config = self.network.config
        return PlannerSpec(config.window, "needed", config.inputs.cameras, tasks=config.requests)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """Decodes `samples` trajectories. One is the greedy answer; of several, the most central comes first.

        Raises PlanError (MissingImage, DecodeError) where there is no answer.
        """
        return self.plan_batch([observation], samples)[0]

    def plan_batch(self, observations: Sequence[Observation], samples: int = 1) -> list[Plan]:
        """Several observations at once; greedy answers equal those of `plan`."""
        return self._plans(observations, samples, self._engine.decode)

    def answer(self, observation: Observation, requests: Sequence[str], samples: int = 1) -> Answers:
        """The answers to several requests, decoded together; each is what it would be alone.

        Raises PlanError where nothing can be answered (a missing picture); a single answer that fails is among `failures`.
        """
        from drive.tasks import canonical

        names = tuple(dict.fromkeys(canonical(request) for request in requests))
        lacking = {name: f"{self.name} was not trained to answer {name}" for name in names if name not in self.network.config.requests}
        known = tuple(name for name in names if name not in lacking)
        answers = self._answers([observation], known, samples, self._engine.decode)[0] if known else Answers({})
        return Answers(answers.values, answers.log_probs, answers.failures | lacking)

    def _plans(self, observations: Sequence[Observation], samples: int, decode: Decode) -> list[Plan]:
        request = self.request or self.network.config.requests[0]
        times = self.network.config.window.future_times_s
        found = self._answers(observations, (request,), samples, decode)
        for answers in found:
            answers.best(request)  # raises where it failed
        return [_central(np.stack(answers.values[request]), answers.log_probs[request], times) for answers in found]

    def _answers(self, observations: Sequence[Observation], requests: tuple[str, ...], samples: int, decode: Decode) -> list[Answers]:
        import torch

        from drive.model.inputs import collate, prepare

        if samples < 1:
            raise ValueError(f"samples must be 1 or more, got {samples}")
        asked = self._ask(requests)
        batch = collate([prepare(observation, self.network.config) for observation in observations])
        with torch.inference_mode():
            cache = self.network.prefix(batch.to(next(self.network.parameters()).device))
        generator = torch.Generator().manual_seed(self.seed)
        rows = decode(cache, asked.ids, asked.tables, samples, self.temperature, generator)
        return [_read(requests, asked.tasks, row) for row in rows]

    @cached_property
    def _engine(self) -> Engine:
        from drive.decode.engine import Engine

        return Engine(self.network)

    def _ask(self, requests: tuple[str, ...]) -> Asked:
        """What decoding needs to know of requests; made once for each set of them."""
        if requests not in self._asked:
            self._asked[requests] = Asked.of(self.network, requests)
        return self._asked[requests]

    def attention(self, observation: Observation) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
        """Who attends to whom while `plan(observation)` runs: the masks in use as a table [N, N], and a name for each token.

        Raises PlanError where there is no answer.
        """
        from drive.decode import reference
        from drive.model.attention import recorded_masks, whole_table
        from drive.model.inputs import prepare

        with recorded_masks(self.network) as masks:
            self._plans([observation], 1, partial(reference.decode, self.network))
        table, prefix = whole_table(masks), self.network.prefix_sequence(prepare(observation, self.network.config)).labels
        return table, prefix + (self.request or self.network.config.requests[0],) * (len(table) - len(prefix))


@dataclass(frozen=True, eq=False)
class Asked:
    """Requests as decoding takes them: their tasks, the ids of their tokens, the tables of their grammars."""

    tasks: tuple[Task, ...]
    ids: tuple[int, ...]
    tables: GrammarTables

    @staticmethod
    def of(network: DrivingNetwork, requests: tuple[str, ...]) -> Asked:
        """Raises ValueError for a request that the network's vocabulary does not have."""
        from drive.decode.tables import grammar_tables
        from drive.tasks import make_tasks

        config = network.config
        tasks = make_tasks(requests, config.vocabulary, config.window)
        tables = grammar_tables([task.grammar for task in tasks], config.vocabulary.size, next(network.parameters()).device)
        return Asked(tasks, tuple(config.vocabulary.request_id(request) for request in requests), tables)


def _read(requests: tuple[str, ...], tasks: tuple[Task, ...], rows: list[list[Answer]]) -> Answers:
    values: dict[str, tuple[Any, ...]] = {}
    log_probs: dict[str, Array] = {}
    failures: dict[str, str] = {}
    for request, task, samples in zip(requests, tasks, rows, strict=True):
        try:
            values[request] = tuple(task.decode(answer.ids) for answer in samples)
            log_probs[request] = np.array([answer.log_prob for answer in samples])
        except DecodeError as error:
            failures[request] = str(error)
    return Answers(values, log_probs, failures)


def _central(trajectories: Array, log_probs: Array, times_s: Array) -> Plan:
    order = most_central_first(trajectories)
    return Plan(trajectories[order], times_s, log_probs[order])


def most_central_first(trajectories: Array) -> np.ndarray:
    """Order [K] of trajectories [K, T, 3] by mean distance (over steps, then over the others) to the others, least first.

    EMMA's choice among samples (arXiv 2410.23262, section 3.1 asks for the mode; the medoid is its robust form). Ties keep order.
    """
    xy = trajectories[..., :2]
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=-1).mean(-1)
    return np.argsort(distance.mean(-1), kind="stable")
