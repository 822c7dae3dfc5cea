"""A network as a planner: observations in, any of its requests answered, the most central plan first."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drive.asking import PLAN
from drive.cameras import Camera
from drive.data.resample import in_rig
from drive.frames import Array
from drive.planners.asked import Asked, plan_first, read
from drive.planners.foreign import Foreign
from drive.planners.notes import speaks
from drive.planners.untold import Untold
from drive.schema import Answers, Observation, Plan, PlanError, PlannerSpec

if TYPE_CHECKING:
    from drive.decode.answer import Answer
    from drive.decode.engine import Engine
    from drive.model.inputs import Prepared
    from drive.model.network import DrivingNetwork
    from drive.tasks import Task
    from drive.tasks.chain import ChainTask
    from drive.tasks.requests import Chain
    from drive.tokens.codecs.base import Ids
    from drive.tokens.sequence import TokenSequence

    Decode = Callable[..., list[list[list[Answer]]]]

# Requests whose compiled grammars are kept: questions in words may be many.
_KEPT = 64
# Of drawn samples. At 1 no car can drive half of what first-drive draws (11 % of first-answers'), at 0.5 a quarter (2 %); the most central
# of 8 and the best that can be driven are nearer to the record, and less of the spread is lost than at 0.3 (docs/log.md).
TEMPERATURE = 0.5


@dataclass(eq=False)
class NetworkPlanner:
    """A network as a planner.

    seed: of the samples drawn, which are the same for the same observation; others' are drawn by noise of their own (by token).
    temperature: of the draw, the likeliest ids alone towards 0, as the network has learned them at 1. request: what `plan` asks, with
    one plan in it, such as see>decide>plan; by default what the network's configuration says in `plan_request`. deadline_s: time after
    which nothing more than the plan, which then comes first, is waited for. rig: the one that the network knows, where it learned on one
    alone: pictures of any other are resampled into that one's views (`drive.data.resample`).
    """

    network: DrivingNetwork
    name: str = "network"
    seed: int = 0
    temperature: float = TEMPERATURE
    request: str | None = None
    deadline_s: float | None = None
    rig: tuple[Camera, ...] = ()
    _foreign: Foreign = field(default_factory=Foreign, repr=False)
    _untold: Untold = field(default_factory=Untold, repr=False)
    _asked: dict[tuple[Chain, ...], Asked] = field(default_factory=dict, repr=False)
    _tasks: dict[str, Task] = field(default_factory=dict, repr=False)

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
        """Several observations at once; greedy answers equal those of `plan`, drawn ones depend on which are asked together."""
        return [self.as_plan(answers) for answers in self.planned(observations, samples)]

    def planned(self, observations: Sequence[Observation], samples: int = 1) -> list[Answers]:
        """The answers that `plan_batch` makes its plans of: those to the links of `plan_chain`, the plan's alone under a deadline."""
        chain, name = self.plan_chain
        if self.deadline_s is not None:  # what stands before the plan would be waited for
            chain = tuple(link for link in chain if str(link) == name)
        return self._answers(observations, (chain,), samples)

    def as_plan(self, answers: Answers) -> Plan:
        """What was `planned`, the most central plan first, with what was answered before it in words. Raises PlanError where it failed."""
        chain, name = self.plan_chain
        answers.best(name)  # raises where it failed
        links = [str(link) for link in chain]
        central = _central(np.stack(answers.values[name]), answers.log_probs[name], self.network.config.window.future_times_s)
        return replace(central, text=_in_words(answers, links[: links.index(name)]))

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1, deadline_s: float | None = None) -> Answers:
        """The answers to several requests such as see>decide>plan, decoded together; each chain is answered as it would be alone.
        Answers are named by their links: see, decide, plan:bins.

        deadline_s: in place of the planner's. A chain with a plan then begins with it; what is not reached in time is a failure.
        Raises PlanError where nothing can be answered (a missing picture), ValueError for what is no request; a single answer that
        fails is among `failures`.
        """
        from drive.tasks import chains

        asked, trained = chains(requests), self.network.config.requests
        lacking = {
            str(link): f"{self.name} was not trained to answer {link.name}{_instead(link.name, trained)}"
            for chain in asked
            for link in chain
            if link.name not in trained
        }
        known = tuple(rest for chain in asked if (rest := tuple(link for link in chain if str(link) not in lacking)))
        answers = self._answers([observation], known, samples, deadline_s or self.deadline_s)[0] if known else Answers({})
        return Answers(answers.values, answers.log_probs, answers.failures | lacking)

    def _answers(
        self, observations: Sequence[Observation], chains: tuple[Chain, ...], samples: int, deadline_s: float | None = None
    ) -> list[Answers]:
        began = time.monotonic()
        if samples < 1:
            raise ValueError(f"samples must be 1 or more, got {samples}")
        asked, late = self._ask(chains if deadline_s is None else tuple(map(plan_first, chains))), None
        if deadline_s is not None:
            least = max((chain.first for chain in asked.chains if chain.chain[0].task == PLAN), default=0)
            late = partial(_late, began + deadline_s, least)
        rows = self._decode(observations, asked, samples, self._engine.decode, late)
        why = f"the deadline of {deadline_s:g} s came before its answer" if deadline_s is not None else ""
        return [read(asked, row, observation, why) for row, observation in zip(rows, observations, strict=True)]

    def _decode(
        self, observations: Sequence[Observation], asked: Asked, samples: int, decode: Decode, stop: Callable[[int], bool] | None = None
    ) -> list[list[list[Answer]]]:
        import torch

        from drive.model.inputs import collate

        batch = collate([self._prepared(observation) for observation in observations])
        if self.network.config.inputs.dynamics and self._untold.add(observations):
            speaks(self)
        with torch.inference_mode():
            cache = self.network.prefix(batch.to(next(self.network.parameters()).device))
        generator = torch.Generator().manual_seed(_noise_of(self.seed, observations))
        return decode(cache, asked.ids, asked.tables, samples, self.temperature, generator, stop)

    def take_notes(self) -> tuple[str, ...]:
        """What was resampled, and which speeds were unknown, since this was asked last."""
        return (*self._foreign.told(), *self._untold.told())

    def shown(self, observation: Observation) -> Observation:
        """The observation as its network sees it: other rigs' pictures resampled into the views that it knows; the same where there is
        nothing to do. Raises PlanError where no camera looks where those do, MissingImage."""
        if not self.rig:
            return observation
        kept = replace(observation, frames=observation.frames[-self.network.config.window.frames :])
        made, views = in_rig(kept, self.rig)
        for view in views:
            self._foreign.add(view)
            speaks(self)
        return observation if made is kept else made

    def _prepared(self, observation: Observation) -> Prepared:
        from drive.model.inputs import prepare

        return prepare(self.shown(observation), self.network.config)

    @cached_property
    def _engine(self) -> Engine:
        from drive.decode.engine import Engine

        return Engine(self.network)

    @property
    def plan_chain(self) -> tuple[Chain, str]:
        """What `plan` asks, and the plan's own name in it. Raises PlanError where there is no plan to ask for, ValueError where `request`
        is not one span with one plan."""
        from drive.tasks import chains

        trained = self.network.config.requests
        default = next((name for name in trained if name.partition(":")[0] == PLAN), None)
        request = self.request or self.network.config.plan_request or default
        if request is None:
            raise PlanError(f"{self.name} was not trained to answer plan; it answers {', '.join(trained)}")
        asked = chains(request)
        plans = [str(link) for chain in asked for link in chain if link.task == PLAN]
        if len(asked) != 1 or len(plans) != 1:
            raise ValueError(f"a planner's request is one span with one plan, such as see>plan, got {request!r}")
        unknown = [link.name for link in asked[0] if link.name not in trained]
        if unknown:
            raise ValueError(f"{self.name} was not trained to answer {unknown[0]}; it answers {', '.join(trained)}")
        return asked[0], plans[0]

    def _ask(self, chains: tuple[Chain, ...]) -> Asked:
        """What decoding needs to know of requests; made once for each set of them."""
        if chains not in self._asked:
            if len(self._asked) >= _KEPT:
                self._asked.pop(next(iter(self._asked)))
            self._asked[chains] = Asked.of(self.network, chains, self._tasks)
        return self._asked[chains]

    def prefix(self, observation: Observation) -> tuple[TokenSequence, tuple[str, ...]]:
        """The tokens of everything known before an answer, and what each holds, for people. Raises PlanError as `plan`."""
        prepared = self._prepared(observation)
        return self.network.prefix_sequence(prepared), self.network.prefix_meanings(prepared, observation)

    def spans(self, observation: Observation, chains: tuple[Chain, ...]) -> list[tuple[ChainTask, Ids]]:
        """The greedy answers to chains as they are decoded: all ids behind each span's first one. Raises PlanError as `plan`, ValueError
        for a request that the network's vocabulary does not have."""
        asked = self._ask(chains)
        rows = self._decode([observation], asked, 1, self._engine.decode)[0]
        return [(chain, answers[0].ids) for chain, answers in zip(asked.chains, rows, strict=True)]

    def plan_after(self, observation: Observation, thoughts: Mapping[str, Any]) -> Plan:
        """The greedy plan behind thoughts that are given in place of the network's own. thoughts: answers by link of the request that
        `plan` asks, its first ones, such as {"see": Seen(...)} for see>decide>plan; it decides itself then.

        Raises PlanError as `plan`, ValueError where thoughts are not the first links' or cannot be written.
        """
        from drive.tasks.chain import ChainTask

        chain, name = self.plan_chain
        config = self.network.config
        whole = ChainTask.of(chain, config.vocabulary, config.window, self._tasks)
        first, links = len(thoughts), [str(link) for link in chain]
        if set(thoughts) != set(links[:first]) or first > links.index(name):
            raise ValueError(f"thoughts are the first of {' > '.join(links[: links.index(name)]) or 'no links'}, got {', '.join(thoughts)}")
        told = zip(whole.openings, whole.tasks, links[:first], strict=False)
        given = [part for opened, task, link in told for part in (opened, task.encode(thoughts[link], observation))]
        openings = (np.concatenate([*given, whole.openings[first]]), *whole.openings[first + 1 :])
        asked = Asked.by(self.network, (ChainTask(chain[first:], whole.tasks[first:], openings),))
        answers = read(asked, self._decode([observation], asked, 1, self._engine.decode)[0], observation, "")
        answers.best(name)  # raises where it failed
        return Plan(np.stack(answers.values[name]), config.window.future_times_s, answers.log_probs[name])

    def attention(self, observation: Observation) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
        """Who attends to whom while `plan(observation)` runs: the masks in use as a table [N, N], and a name for each token.

        Raises PlanError where there is no answer.
        """
        from drive.decode import reference
        from drive.model.attention import recorded_masks, whole_table

        asked = self._ask((self.plan_chain[0],))
        with recorded_masks(self.network) as masks:
            rows = self._decode([observation], asked, 1, partial(reference.decode, self.network))
        return whole_table(masks), self.prefix(observation)[0].labels + tuple(asked.chains[0].labels(rows[0][0][0].ids))


def _instead(request: str, trained: Sequence[str]) -> str:
    """What of the same task was trained, as the end of a sentence."""
    near = [name for name in trained if name.partition(":")[0] == request.partition(":")[0]]
    return f"; it answers {', '.join(near)}" if near else ""


def _noise_of(seed: int, observations: Sequence[Observation]) -> int:
    """The seed of the noise that draws samples: of one for all, every moment would be off to the same side."""
    return zlib.crc32("\n".join([str(seed), *(observation.token for observation in observations)]).encode())


def _late(when: float, least: int, tokens: int) -> bool:
    return tokens >= least and time.monotonic() >= when


def _in_words(answers: Answers, thoughts: Sequence[str]) -> str | None:
    """What was answered to the links before the plan, a line for each part; None where there are none."""
    from drive.viz.answers import marks_of

    return "\n".join(word for name in thoughts if name in answers.values for word in marks_of(answers.best(name)).words) or None


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
