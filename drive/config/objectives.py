"""The configuration of each objective (`drive.train.objectives`), told apart by `kind`.

checkpoints: the fields that name a checkpoint folder; its network is given to the loss, frozen, under the field's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Tag

from drive.limits import TINY, within
from drive.values import kind_or


@dataclass(frozen=True)
class Thoughts:
    """What is fed as the earlier answers of a chain while the last is learned, in shares that add up to 1: the truth, the network's own
    greedy answers, or noise (other answers that the grammar allows). Answers that are not the truth carry no loss."""

    truth: float = 1.0
    own: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        within(self, truth=(0, 1), own=(0, 1), noise=(0, 1))
        if abs(self.truth + self.own + self.noise - 1) > 1e-9:
            raise ValueError(f"shares of thoughts must add up to 1, got truth {self.truth:g} + own {self.own:g} + noise {self.noise:g}")


@dataclass(frozen=True)
class NextTokenConfig:
    """Cross entropy on the answers' tokens, within their grammar.

    chains: what is trained, such as see>decide>plan, of the network's requests; empty = each of them alone. shares: by chain, on what
    share of the examples it is trained, drawn anew at each step; 1 where it is not named: long answers need not cost at every step.
    cut: how often a chain is cut in two at random. plan_first: how often its plan stands first. thoughts: what earlier answers are fed.
    sigma: by range of numbers (metre, speed_mps, ... of `drive.tokens.ranges`), the width in its unit of the bell around a right token
    that it shares its probability with; none where it is not named. noise: by range, the standard deviation of what is added to an
    answer's numbers where they are inputs of the next ones: a plan that could be told from its own exact beginning would not be read
    from the pictures. leave_out: an answer that cannot be written (a plan that no car drives, off its grid) is one that is not known,
    in place of ending the run before its first step. glance: weight of what the pictures alone, by `camera.glance`, must say of the first
    word of each answer that begins with one of a few words; without it the way from a lamp to its word is too long to be found. slots:
    weight of what `camera.things` and `camera.lanes` must say of the boxes and roads that are trained.
    """

    kind: Literal["next-token"] = "next-token"
    chains: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)
    cut: float = 0.0
    plan_first: float = 0.0
    thoughts: Thoughts = field(default_factory=Thoughts)
    sigma: dict[str, float] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)
    leave_out: bool = False
    glance: float = 0.0
    slots: float = 0.0
    checkpoints: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        within(self, cut=(0, 1), plan_first=(0, 1), glance=(0, 1000), slots=(0, 1000))
        if wrong := [f"{chain} {share:g}" for chain, share in self.shares.items() if not 0 < share <= 1]:
            raise ValueError(f"{type(self).__name__}.shares.{wrong[0]}: expected above 0, at most 1")
        widths = [(f"{name}.{key} {value:g}", value) for name in ("sigma", "noise") for key, value in getattr(self, name).items()]
        # What is all but 0 would be divided by.
        wrong = [told for told, value in widths if value != 0 and not TINY <= value <= 10_000]
        if wrong:
            raise ValueError(f"{type(self).__name__}.{wrong[0]}: expected 0, or {TINY:g} to 10000")


@dataclass(frozen=True)
class RegressionConfig:
    """The absolute error of the plan's positions, for networks that answer in metres."""

    kind: Literal["regression"] = "regression"
    checkpoints: ClassVar[tuple[str, ...]] = ()


ObjectiveConfig = Annotated[
    Annotated[NextTokenConfig, Tag("next-token")]
    | Annotated[RegressionConfig, Tag("regression")],
    Discriminator(kind_or("next-token")),
]
