"""What pictures alone should tell: which answers that is of, what is right, and that it does nothing else to the loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from drive.config import NextTokenConfig
from drive.model.inputs import collate, prepare
from drive.model.network import DrivingNetwork
from drive.tokens.vocab import Vocabulary
from drive.train.glance import first_words, glanced
from drive.train.objectives import STUDENT, NextToken
from drive.train.sources.dataset import DatasetSamples
from tests.model.conftest import TINY, make_observation
from tests.tasks.toys import toys
from tests.train.test_packing import CPU, REQUESTS, objective_of, samples
from tests.train.tiny import MODEL

__all__ = ["samples", "toys"]
pytestmark = pytest.mark.usefixtures("toys")
CAMERA = replace(MODEL.camera, summary=2, peaks=1, glance=True)


def glancing(**settings: object) -> NextToken:
    model = replace(MODEL, requests=REQUESTS, vocabulary=Vocabulary(), camera=CAMERA)
    return NextToken(NextTokenConfig(**settings), model, CPU)  # type: ignore[arg-type]


def test_answers_that_begin_with_a_few_words_and_ask_for_none_are_told() -> None:
    objective = objective_of()
    assert [REQUESTS[number] for number in glanced(objective.tasks, range(4))] == ["plan:text", "lamp"]  # a text begins with a digit
    assert [REQUESTS[number] for number in glanced(objective.tasks, {0, 2, 3})] == ["lamp"]


def test_the_right_word_is_the_answers_first_and_none_where_it_is_unknown(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = glancing(chains=("lamp>plan", "tell"), glance=1.0)
    examples = [objective.example(samples[i]) for i in range(3)]
    lamp = objective.model.vocabulary.ranges["lamp"].start
    assert first_words(examples, objective.tasks, objective.glanced)[:, 2].tolist() == [lamp + 1] * 3
    monkeypatch.setattr(type(objective.tasks[2]), "answers", lambda self, sample: ())
    words = first_words([objective.example(samples[0])], objective.tasks, objective.glanced)
    assert (words == -1).all()


def test_the_loss_of_the_answers_stays_as_it_was(samples: DatasetSamples) -> None:
    plain, looking = glancing(chains=("lamp>plan",)), glancing(chains=("lamp>plan",), glance=2.0)
    torch.manual_seed(0)
    network = DrivingNetwork(looking.model).eval()
    examples = [looking.example(samples[i]) for i in (0, 5, 9)]
    before, _ = plain.loss({STUDENT: network}, plain.collate(examples, None), torch.Generator())
    after, figures = looking.loss({STUDENT: network}, looking.collate(examples, None), torch.Generator())
    assert figures["glance"] > 0 and after.item() == pytest.approx(before.item() + 2.0 * figures["glance"], abs=1e-5)
    cameras = network.frame_parts(looking.collate(examples, None).inputs)["camera"]
    start = looking.tasks[2].vocabulary.ranges["lamp"].start
    four = network.logits(network.glance(cameras))[:, start : start + 4].log_softmax(-1)
    assert figures["glance"] == pytest.approx(-four[:, 1].mean().item(), abs=1e-5)  # the readable way: the second of four words is right


def test_batches_that_know_no_answer_have_gradients(samples: DatasetSamples) -> None:
    objective = glancing(chains=("lamp>plan",), glance=1.0)
    network = DrivingNetwork(objective.model)
    batch = objective.collate([objective.example(samples[0])], None)
    assert batch.words is not None
    loss, figures = objective.loss({STUDENT: network}, replace(batch, words=torch.full_like(batch.words, -1)), torch.Generator())
    loss.backward()
    assert figures["glance"] == 0 and torch.isfinite(loss)


def test_a_glance_is_the_mean_of_the_pictures_that_are_there() -> None:
    config = replace(TINY, camera=replace(TINY.camera, summary=3, peaks=1, glance=True))
    torch.manual_seed(0)
    network = DrivingNetwork(config).eval()
    prepared = [prepare(make_observation(seed, cameras=n), config) for seed, n in enumerate((1, 3))]
    with torch.inference_mode():
        together = network.glance(network.frame_parts(collate(prepared))["camera"])
        for b, one in enumerate(prepared):
            cameras = network.frame_parts(collate([one]))["camera"]
            assert cameras.valid.all()
            each = cameras.tokens[0, -1].view(-1, 5, 32)[:, -1]
            torch.testing.assert_close(network.glance(cameras)[0], each.mean(0))
            torch.testing.assert_close(together[b], each.mean(0), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_glanced_at_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model.camera.glance"):
        objective_of(glance=1.0)
    with pytest.raises(ValueError, match=r"set camera.summary above 0"):
        replace(MODEL.camera, glance=True)
    with pytest.raises(ValueError, match="glance"):
        NextTokenConfig(glance=-1.0)


@pytest.mark.slow
def test_a_lamp_is_learned_at_a_glance(samples: DatasetSamples) -> None:
    """Pictures that differ in a spot of a few pixels, at any place: the right word is told after a few steps."""
    objective = glancing(chains=("lamp",), glance=1.0)
    example, rng = objective.example(samples[0]), np.random.default_rng(0)
    torch.manual_seed(0)
    network = DrivingNetwork(replace(objective.model, camera=replace(CAMERA, backbone="test_resnet")))
    batch = objective.collate([example] * 16, None)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    lamp, losses = objective.model.vocabulary.ranges["lamp"].start, []
    for _ in range(100):
        images = batch.inputs.parts["camera"].sizes[0].images
        images[:] = 60
        words = torch.from_numpy(rng.integers(1, 4, 16))
        for b in range(16):
            y, x = rng.integers(0, images.shape[-2] - 6), rng.integers(0, images.shape[-1] - 6)
            images[b * len(images) // 16, int(words[b]) - 1, y : y + 6, x : x + 6] = 250
        told = torch.full((16, 4), -1)
        told[:, 2] = lamp + words
        loss = objective._glance_loss(network, network.glance(network.frame_parts(batch.inputs)["camera"]), told)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.6 < np.mean(losses[:5])
