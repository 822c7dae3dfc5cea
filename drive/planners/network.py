"""A network as a planner: observations in, answers decoded, the most central plan first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.schema import Observation, Plan, Window

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
    draw. request: which of the network's requests answers, its first by default."""

    network: DrivingNetwork
    name: str = "network"
    seed: int = 0
    temperature: float = 1.0
    request: str | None = None
    pictures = True

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The cameras that it looks at; empty: whatever there is."""
        return self.network.config.inputs.cameras

    @property
    def window(self) -> Window:
        """Past, future and frames that the network was built for; whoever opens data for it passes this on."""
        return self.network.config.window

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """Decodes `samples` trajectories. One is the greedy answer; of several, the most central comes first.

        Raises PlanError (MissingImage, DecodeError) where there is no answer.
        """
        return self.plan_batch([observation], samples)[0]

    def plan_batch(self, observations: Sequence[Observation], samples: int = 1) -> list[Plan]:
        """Several observations at once; greedy answers equal those of `plan`."""

        return self._plans(observations, samples, self._engine.decode)

    def _plans(self, observations: Sequence[Observation], samples: int, decode: Decode) -> list[Plan]:
        import torch

        from drive.model.inputs import collate, prepare

        if samples < 1:
            raise ValueError(f"samples must be 1 or more, got {samples}")
        config, (task, request_id, tables) = self.network.config, self._asked
        device = next(self.network.parameters()).device
        batch = collate([prepare(observation, config) for observation in observations]).to(device)
        with torch.inference_mode():
            cache = self.network.prefix(batch)
        generator = torch.Generator().manual_seed(self.seed)
        answers = decode(cache, [request_id], tables, samples, self.temperature, generator)
        return [_plan([task.decode(a.ids) for a in row[0]], row[0], config.window.future_times_s) for row in answers]

    @cached_property
    def _engine(self) -> Engine:
        from drive.decode.engine import Engine

        return Engine(self.network)

    @cached_property
    def _asked(self) -> tuple[Task, int, GrammarTables]:
        """The task that is asked, its request's id, and the tables of its grammar; made once."""
        from drive.decode.tables import grammar_tables
        from drive.tasks import canonical, make_task

        config = self.network.config
        request = canonical(self.request or config.requests[0])
        task = make_task(request, config.vocabulary, config.window)
        tables = grammar_tables([task.grammar], config.vocabulary.size, next(self.network.parameters()).device)
        return task, config.vocabulary.request_id(request), tables

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


def most_central_first(trajectories: Array) -> np.ndarray:
    """Order [K] of trajectories [K, T, 3] by mean distance (over steps, then over the others) to the others, least first.

    EMMA's choice among samples (arXiv 2410.23262, section 3.1 asks for the mode; the medoid is its robust form). Ties keep order.
    """
    xy = trajectories[..., :2]
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=-1).mean(-1)
    return np.argsort(distance.mean(-1), kind="stable")


def _plan(trajectories: list[Array], answers: list[Answer], times_s: Array) -> Plan:
    stacked = np.stack(trajectories)
    order = most_central_first(stacked)
    return Plan(stacked[order], times_s, np.array([answers[k].log_prob for k in order]))
