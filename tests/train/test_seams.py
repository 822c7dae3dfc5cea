"""Sources, mixes, loader, objectives and networks meet at their interfaces alone: what follows from seed and step, whoever does it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from drive.checkpoint import load_checkpoint, save_checkpoint
from drive.config import DatasetConfig, Jitter, MixConfig, MixPart, NextTokenConfig
from drive.model.network import DrivingNetwork
from drive.shipped import CHECKPOINTS
from drive.tokens.vocab import Grid
from drive.train.init import start_from
from drive.train.loader import Steps, prepared
from drive.train.loop import train
from drive.train.mix import BLOCK, Mix, checked_as, open_mix
from drive.train.networks import kind_of
from drive.train.objectives import OBJECTIVES, STUDENT, NextToken
from drive.train.objectives.next_token import TokenBatch
from tests.train.tiny import MODEL, config


class Numbers:
    """A source of so many samples that are never looked at."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


def test_every_epoch_is_a_permutation_and_follows_from_the_seed() -> None:
    mix = Mix([Numbers(10)], [1.0])  # type: ignore[list-item]
    row = [mix.draw(3, place) for place in range(20)]
    assert sorted(row[:10]) == sorted(row[10:]) == list(range(10)) and row[:10] != row[10:]
    assert row == [mix.draw(3, place) for place in range(20)] != [mix.draw(4, place) for place in range(20)]


def test_a_mix_keeps_its_weights_and_every_source_its_epochs() -> None:
    mix = Mix([Numbers(100), Numbers(7)], [3.0, 1.0])  # type: ignore[list-item]
    row = np.array([mix.draw(0, place) for place in range(2 * BLOCK)])
    assert (row[:BLOCK] >= 100).sum() == (row[BLOCK:] >= 100).sum() == BLOCK / 4
    small = row[row >= 100]
    assert all(sorted(small[at : at + 7]) == list(range(100, 107)) for at in range(0, 490, 7))
    large = row[row < 100]
    assert all(sorted(large[at : at + 100]) == list(range(100)) for at in range(0, 1500, 100))
    with pytest.raises(ValueError, match="give each at least"):
        Mix([Numbers(1), Numbers(1)], [1.0, 1e-5])  # type: ignore[list-item]


def flat(batch: TokenBatch) -> list[Tensor]:
    """All tensors of a batch."""
    return [batch.spans.packed.ids, batch.spans.targets, *_tensors(list(batch.inputs.parts.values()))]


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    inner = value if isinstance(value, list | tuple) else vars(value).values() if hasattr(value, "__dict__") else []
    return [tensor for item in inner for tensor in _tensors(item)]


@pytest.fixture
def steps(mini: Path) -> Steps:
    run = config(Path("none"), mini)
    stage = replace(run.stages[0], jitter=Jitter(shift=0.1, brightness=0.3))
    objective = NextToken(NextTokenConfig(noise={"metre": 1.0}), MODEL, torch.device("cpu"))
    return Steps(open_mix(stage.data, kind_of(MODEL).needs(MODEL)), objective, stage, seed=3)


def test_workers_and_a_late_start_change_nothing(steps: Steps) -> None:
    alone = list(prepared(steps, 0, 5, workers=0))
    ahead, late = list(prepared(steps, 0, 5, workers=2)), list(prepared(steps, 3, 5, workers=1))
    for these, those in ((alone, ahead), (alone[3:], late)):
        assert len(these) == len(those)
        for a, b in zip(these, those, strict=True):
            assert all(torch.equal(x, y) for x, y in zip(flat(a[0]), flat(b[0]), strict=True))


def test_ranks_and_parts_share_the_same_samples(steps: Steps) -> None:
    (whole,) = steps[2]
    stage = replace(steps.stage, accumulate=2)
    shares = [Steps(steps.mix, steps.objective, stage, steps.seed, rank, world=2)[2] for rank in (0, 1)]
    for number, tensor in enumerate(flat(whole)):
        parts = [flat(part)[number] for share in shares for part in share]
        if tensor.ndim < 2:
            continue  # where tokens stand: of no single sample
        padded = [nn.functional.pad(p, (0, tensor.shape[-1] - p.shape[-1])) for p in parts]  # the longest answer may be elsewhere
        assert torch.equal(tensor, torch.cat(padded))
    with pytest.raises(ValueError, match="batch_size 4 is too small for 3 ranks with accumulate 2"):
        Steps(steps.mix, steps.objective, stage, steps.seed, 0, world=3)


def test_stages_use_what_was_found_out_for_them(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stage turns its samples and leaves out what cannot be turned; another, on the same data, has its own answers."""
    turned = replace(steps.stage, jitter=Jitter(turn_degrees=3.0))
    for stage, word in ((steps.stage, "as it is"), (turned, "turned")):
        steps.mix.known[checked_as(stage)] = [word] * len(steps.mix)
    given = []
    monkeypatch.setattr(steps.objective, "example", lambda sample, known: given.append(known))
    for stage in (steps.stage, turned):
        Steps(steps.mix, steps.objective, stage, steps.seed)._example(0)
    assert given == ["as it is", "turned"]


def test_what_a_worker_cannot_prepare_is_told_as_it_is(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sample: Any, known: Any) -> Any:
        raise ValueError("this picture is gone")

    monkeypatch.setattr(steps.objective, "example", fail)
    with pytest.raises(ValueError, match="^this picture is gone$"):
        list(prepared(steps, 0, 2, workers=1))


def test_a_run_on_a_mix_with_workers_equals_one_without(tmp_path: Path, mini: Path) -> None:
    base = config(tmp_path / "a", mini, steps=2)
    parts = tuple(MixPart(DatasetConfig(root=str(mini), split=split), weight) for split, weight in (("stopped", 1.0), ("accelerate", 3.0)))
    stage = replace(base.stages[0], data=MixConfig(parts))
    alone = train(replace(base, stages=(stage,)))
    ahead = train(replace(base, stages=(stage,), out=str(tmp_path / "b"), workers=2))
    assert alone.after is not None and ahead.after is not None
    assert np.array_equal(alone.after.planned, ahead.after.planned)


@dataclass(frozen=True)
class DistilConfig(NextTokenConfig):
    """A teacher's checkpoint beside the answers."""

    kind: Any = "distil"
    teacher: str = ""
    checkpoints: ClassVar[tuple[str, ...]] = ("teacher",)


class Distil(NextToken):
    """Answers, and the teacher's opinion of them: an objective added by nothing but this class and a line in the dict."""

    def loss(self, networks: Mapping[str, nn.Module], batch: TokenBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        answers, _ = super().loss(networks, batch, generator)
        teacher = networks["teacher"]
        assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
        told, said = (networks[name](batch.inputs, batch.spans.packed).log_softmax(-1) for name in ("teacher", STUDENT))
        opinion = nn.functional.kl_div(said, told, log_target=True, reduction="batchmean")
        return answers + 0.1 * opinion, {"opinion": opinion.item()}


def test_an_objective_with_a_teacher_is_one_class_and_a_line(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OBJECTIVES, "distil", Distil)
    base = config(tmp_path / "run", mini, steps=2)
    objective: Any = DistilConfig(teacher=str(straight / "checkpoint"))
    run = train(replace(base, stages=(replace(base.stages[0], objective=objective),)))
    assert run.checkpoint.is_dir()
    with pytest.raises(ValueError, match="teacher"):  # another teacher is another run
        other = replace(objective, teacher=str(tmp_path))
        train(replace(base, stages=(replace(base.stages[0], objective=other, steps=3),)))


def test_answers_off_the_grid_are_named_before_anything_is_written(tmp_path: Path, mini: Path) -> None:
    run = config(tmp_path / "run", mini)
    small = replace(MODEL, numbers={"metre": Grid(-2.0, 2.0, 0.1)}, requests=("plan:bins",), vocabulary=type(MODEL.vocabulary)())
    with pytest.raises(ValueError, match=r"stage 'fit', sample \S+ of scene accelerate.*spans -2 to 2; widen numbers.metre"):
        train(replace(run, model=small))
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_a_checkpoint_that_knows_fewer_requests_is_a_start(tmp_path: Path) -> None:
    few = replace(MODEL, requests=("plan:bins",), vocabulary=type(MODEL.vocabulary)())
    for requests in (("plan:bins", "plan:text"), ("plan:text", "plan:bins")):
        more = replace(MODEL, requests=requests, vocabulary=type(MODEL.vocabulary)())
        torch.manual_seed(1)
        taught = DrivingNetwork(few)
        folder = save_checkpoint(tmp_path / "few", taught, {})
        torch.manual_seed(2)
        network = DrivingNetwork(more)
        made = copy.deepcopy(network.state_dict())
        start_from(network, folder)
        table, before = network.tokens.table(), load_checkpoint(folder)[0].tokens.table()
        old, new = few.vocabulary, more.vocabulary
        for name in ("byte", "metre", "special"):
            assert torch.equal(table[list(new.ranges[name])], before[list(old.ranges[name])])
        assert torch.equal(table[new.request_id("plan:bins")], before[old.request_id("plan:bins")])
        assert torch.equal(network.state_dict()["head.weight"], taught.state_dict()["head.weight"])
        fresh = new.request_id("plan:text")
        assert torch.equal(table[fresh], made["tokens.words.weight"][fresh])
    wider = DrivingNetwork(replace(more, transformer=replace(more.transformer, mlp_width=64)))
    with pytest.raises(ValueError, match="is of another network"):
        start_from(wider, folder)


def test_a_shipped_planner_is_a_start_by_its_name_unless_a_folder_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped, _ = load_checkpoint(CHECKPOINTS / "first-answers")
    network, own = DrivingNetwork(shipped.config), DrivingNetwork(shipped.config)
    start_from(network, "first-answers")
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in shipped.state_dict().items())
    save_checkpoint(tmp_path / "first-answers", own, {})
    start_from(network, "first-answers")
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in own.state_dict().items())
    with pytest.raises((ValueError, OSError), match="second-answers"):
        start_from(network, "second-answers")
