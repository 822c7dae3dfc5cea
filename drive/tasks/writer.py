"""Right answers as records (`drive.tasks.messages`): what `drive pack --tasks` and `drive make --tasks` write of a sample."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from drive.schema import Observation, SceneSample, StoredPicture, Window
from drive.tasks import TASKS, Chain, Request, Task, chains, declared, make_task
from drive.tasks.messages import AnswerPart, EgoPart, ImagePart, Message, Part, Record, RequestPart, TextPart
from drive.tasks.questions import QUESTIONS, asked
from drive.tokens.vocab import Vocabulary

Asks = Literal["towns", "all"] | Mapping[str, Collection[str]]


class Writer:
    """Makes records of samples: the right answers to some requests. root: the folder that files of pictures are relative to; None:
    they are named as they are. asks: what task `ask` asks where no question is given: what it asks of towns, all that is known, or of each
    sample's token the questions of `drive.tasks.questions.chosen`.

    Raises ValueError for requests that no task answers, and for `see>ask`, whose question a chain must say: `see>ask(may I go?)`.
    """

    def __init__(self, requests: str | Sequence[str], window: Window, root: str | Path | None = None, asks: Asks = "towns") -> None:
        self.window, self.asks = window, asks
        self.chains: tuple[Chain, ...] = chains(requests)
        names = list(dict.fromkeys(link.name for chain in self.chains for link in chain))
        vocabulary = Vocabulary().extended(declared(names, {}), names)
        self.tasks: dict[str, Task] = {name: make_task(name, vocabulary, window) for name in names}
        self.root = None if root is None else Path(root).resolve()
        for link in (link for chain in self.chains if len(chain) > 1 for link in chain):
            if self.tasks[link.name].prompted and not link.prompt:
                raise ValueError(f"{link} in a chain needs its question in words, as in {link}(may I go?); or ask it after a comma")

    def record(self, sample: SceneSample) -> Record:
        """A turn for each chain, for tasks that are asked in words one for each question that the sample can be asked."""
        turns: list[tuple[Message, Message]] = []
        unknown: list[str] = []
        for chain in self.chains:
            made, lacking = self._turns(chain, sample)
            turns += made
            unknown += lacking
        seen = seen_parts(sample.observation, self.root)
        messages = [message for turn in turns for message in turn]
        if messages:
            messages[0] = messages[0].model_copy(update={"content": seen + messages[0].content})
        return Record(
            id=sample.token, scene=sample.scene, timestamp_us=sample.timestamp_us, messages=tuple(messages), unknown=tuple(unknown)
        )

    def _turns(self, chain: Chain, sample: SceneSample) -> tuple[list[tuple[Message, Message]], list[str]]:
        """Turns, and the links without an answer, which the chain then goes without."""
        task = self.tasks[chain[0].name]
        if len(chain) == 1 and task.prompted and not chain[0].prompt:
            turns = [self._turn([(replace(chain[0], prompt=words), value)]) for words, value in self._asked(task, sample)]
            return turns, [] if turns or any(True for _ in asked(sample)) else [chain[0].name]
        answers = [(link, self.tasks[link.name].truth(sample, link.prompt)) for link in chain]
        known = [(link, value) for link, value in answers if value is not None]
        return [self._turn(known)] if known else [], [str(link) for link, value in answers if value is None]

    def _asked(self, task: Task, sample: SceneSample) -> Sequence[tuple[str, Any]]:
        """Questions in words with their answers."""
        if self.asks == "towns":
            return task.answers(sample)
        keep: Collection[str] = QUESTIONS if self.asks == "all" else self.asks.get(sample.token, ())
        words = [reply.question for question, reply in asked(sample) if question.name in keep]
        return [(text, task.truth(sample, text)) for text in words]

    def _turn(self, answers: Sequence[tuple[Request, Any]]) -> tuple[Message, Message]:
        asked: list[Part] = [RequestPart(request=">".join(link.name for link, _ in answers))]
        asked += [TextPart(text=link.prompt) for link, _ in answers if link.prompt]
        parts = tuple(AnswerPart(request=link.name, value=self.tasks[link.name].to_json(value)) for link, value in answers)
        return Message(role="user", content=tuple(asked)), Message(role="assistant", content=parts)


def asks_anything(requests: str | Sequence[str]) -> bool:
    """Whether requests ask questions without saying which."""
    return any(TASKS[link.task].prompted and not link.prompt for chain in chains(requests) for link in chain)


def seen_parts(observation: Observation, root: Path | None) -> tuple[Part, ...]:
    """What stands before the first question: pictures, and what the car knows of itself. root: as `Writer`'s, resolved."""
    images = (
        ImagePart(camera=view.camera.name, file=_file(view.image, root), time_s=round(frame.time_s + view.time_s, 6))
        for frame in observation.frames
        for view in frame.cameras
    )
    return (*images, _ego(observation))


def _file(image: Any, root: Path | None) -> str | None:
    if isinstance(image, StoredPicture):
        return image.name
    if not isinstance(image, Path):
        return None
    if root is None:
        return image.as_posix()
    if not image.resolve().is_relative_to(root):
        if not image.exists():
            return None  # records name a picture that their source lacked by its place there
        raise ValueError(f"picture {image} lies outside of {root}, the folder that records name files from")
    return image.resolve().relative_to(root).as_posix()


def _ego(observation: Observation) -> EgoPart:
    past = observation.past
    rows = _rows(past.poses[past.valid], past.times_s[past.valid])
    return EgoPart(
        speed_mps=observation.speed_mps,
        acceleration_mps2=observation.acceleration_mps2,
        yaw_rate_radps=observation.yaw_rate_radps,
        command=observation.command,
        past=rows,
    )


def _rows(poses: Any, times_s: Any) -> tuple[tuple[float, float, float, float], ...]:
    """Poses [T, 3] and times [T] as rows of plain numbers."""
    return tuple((float(x), float(y), float(heading), float(t)) for (x, y, heading), t in zip(poses, times_s, strict=True))


def schema(requests: str | Sequence[str], window: Window) -> dict[str, Any]:
    """JSON Schema of records with answers to these requests: each value under its task's own schema."""
    found = Record.model_json_schema()
    writer = Writer(requests, window)
    part = found["$defs"]["AnswerPart"]
    given = writer.tasks.items()
    part["oneOf"] = [{"properties": {"request": {"const": name}, "value": task.schema}, "required": ["value"]} for name, task in given]
    return found
