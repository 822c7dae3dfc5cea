"""The configuration of each objective (`drive.train.objectives`), told apart by `kind`.

checkpoints: the fields that name a checkpoint folder; its network is given to the loss, frozen, under the field's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Tag

from drive.limits import within
from drive.values import kind_or


@dataclass(frozen=True)
class NextTokenConfig:
    """Cross entropy on the answer's tokens, within its grammar.

    metre_sigma: width in metres of the bell around the right metre token that it shares its probability with, 0 = none.
    answer_noise_m: standard deviation in metres of what is added to the answer's metre tokens where they are inputs of the next
    ones: a plan that could be told from its own exact beginning would not be read from the pictures.
    """

    kind: Literal["next-token"] = "next-token"
    metre_sigma: float = 0.0
    answer_noise_m: float = 0.0
    checkpoints: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        within(self, metre_sigma=(0, 10_000), answer_noise_m=(0, 10_000))


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
