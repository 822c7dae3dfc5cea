"""Weights of language models: logits and greedy tokens equal to `transformers`, and what does not fit refused in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from drive.checkpoint import load_checkpoint
from drive.decode.engine import Engine
from drive.decode.tables import grammar_tables
from drive.model.config import LANGUAGE, Language, TransformerConfig
from drive.model.network import Cache, DrivingNetwork
from drive.model.torchvision_shim import ensure_torchvision
from drive.tokens.expression import ids, repeat
from drive.tokens.grammar import compile_grammar
from drive.tokens.sequence import SPAN_POSITION
from drive.train.language import load_language, resolved
from drive.train.loop import train
from tests.model.conftest import TINY
from tests.train.tiny import config

ensure_torchvision()  # some models of transformers import it
transformers = pytest.importorskip("transformers", reason="the extra `dev` installs transformers")

SIZES = {
    "vocab_size": 97, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2,
    "intermediate_size": 96, "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
}  # fmt: skip
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
CASES: dict[str, dict[str, Any]] = {
    "qwen3, own head size": {"model_type": "qwen3", "head_dim": 16, "tie_word_embeddings": True},
    "qwen3, untied": {"model_type": "qwen3", "head_dim": 8, "tie_word_embeddings": False},
    "qwen2.5, bias": {"model_type": "qwen2", "tie_word_embeddings": True},
    "llama, untied": {"model_type": "llama", "tie_word_embeddings": False},
    "llama 3, stretched": {
        "model_type": "llama",
        "tie_word_embeddings": True,
        "rope_parameters": {**LLAMA3, "original_max_position_embeddings": 16},
    },
}
PROMPT, NEW = 24, 12


def saved(folder: Path, name: str, shard: str = "5GB") -> Any:
    """A model with random weights, all of them other than what models are made with, as `transformers` saves it."""
    options = dict(CASES[name])
    kind = options.pop("model_type")
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(kind, **SIZES, **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    model.save_pretrained(folder, max_shard_size=shard)
    return model


def started(folder: Path) -> DrivingNetwork:
    network = DrivingNetwork(resolved(replace(TINY, transformer=TransformerConfig(), init_from=str(folder)))).eval()
    load_language(network, folder)
    return network


@pytest.mark.parametrize("name", CASES)
def test_logits_and_greedy_tokens_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    theirs, network = saved(tmp_path, name), started(tmp_path)
    low, stop = (f(network.config.vocabulary.ranges[LANGUAGE]) for f in (lambda r: r.start, lambda r: r.stop))
    prompt = torch.randint(0, 97, (1, PROMPT), generator=torch.Generator().manual_seed(1))
    position = torch.arange(PROMPT) - (PROMPT - 1) + SPAN_POSITION
    causal = torch.ones(PROMPT, PROMPT).tril().bool()[None]
    with torch.inference_mode():
        hidden, layers = network.transformer(network.tokens(prompt + low), position[None], causal)
        torch.testing.assert_close(network.logits(hidden)[..., low:stop], theirs(prompt).logits, atol=1e-4, rtol=1e-4)
        expected = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW, do_sample=False, eos_token_id=None)
    before = Cache([(k[:, :, :-1], v[:, :, :-1]) for k, v in layers], torch.zeros(PROMPT - 1, dtype=torch.int64), position[:-1],
                   torch.ones(1, PROMPT - 1, dtype=torch.bool))  # fmt: skip
    tables = grammar_tables([compile_grammar(repeat(ids(low, stop), NEW, NEW))], network.config.vocabulary.size)
    found = Engine(network).decode(before, [int(prompt[0, -1]) + low], tables)[0][0][0].ids[:NEW] - low
    assert found.tolist() == expected[0, PROMPT:].tolist()


def test_old_keys_and_shards_say_the_same(tmp_path: Path) -> None:
    saved(tmp_path / "new", "llama 3, stretched")
    saved(tmp_path / "old", "llama 3, stretched", shard="50KB")
    values = json.loads((tmp_path / "old/config.json").read_text())
    scaling = values.pop("rope_parameters")
    values |= {"rope_theta": scaling.pop("rope_theta"), "rope_scaling": scaling}
    (tmp_path / "old/config.json").write_text(json.dumps(values))
    assert len(list((tmp_path / "old").glob("*.safetensors"))) > 1
    new, old = started(tmp_path / "new"), started(tmp_path / "old")
    assert new.config.transformer == old.config.transformer and new.config.transformer.rope_scaling is not None
    assert all(torch.equal(a, b) for a, b in zip(new.transformer.state_dict().values(), old.transformer.state_dict().values(), strict=True))


def test_a_run_starts_from_them_and_its_checkpoint_stands_alone(tmp_path: Path, mini: Path) -> None:
    """A step that learns nothing leaves the language model as it was, in a checkpoint that needs the folder no more."""
    saved(tmp_path / "lm", "qwen2.5, bias")
    run = config(tmp_path / "out", mini, steps=1)
    model = replace(run.model, transformer=TransformerConfig(), init_from=str(tmp_path / "lm"))
    train(replace(run, model=model, stages=(replace(run.stages[0], learning_rate=0.0, batch_size=1),)))
    shutil.rmtree(tmp_path / "lm")
    network, _ = load_checkpoint(tmp_path / "out/checkpoint")
    assert network.config.language == Language(97, tied=True) and network.config.transformer.qkv_bias
    assert torch.equal(network.head.weight, torch.eye(64))
    assert bool(network.transformer.state_dict()["layers.1.self_attn.k_proj.bias"].any())


CONFIGS = {
    "model_type": ("gpt2", "model_type is 'gpt2', expected one of qwen3"),
    "hidden_size": (10**12, "hidden_size is 1000000000000, expected a whole number"),
    "num_hidden_layers": (500_000, "TransformerConfig.depth must be 1 to 512"),
    "num_attention_heads": (7, "heads must be a multiple"),
    "attention_bias": (True, "attention_bias is True"),
    "rms_norm_eps": ("small", "rms_norm_eps is 'small', expected a number"),
    "rope_parameters": ({"rope_type": "yarn", "rope_theta": 1e4}, "rope_type is 'yarn', expected default or llama3"),
    "intermediate_size": (128, r"mlp.gate_proj.weight is \[96, 64\], expected \[128, 64\]"),
    "vocab_size": (98, r"embed_tokens.weight is \[97, 64\], expected \[98, 64\]"),
    "tie_word_embeddings": (False, "has no lm_head.weight"),
}


@pytest.mark.parametrize("key", CONFIGS)
def test_what_does_not_fit_is_refused_in_a_line(key: str, tmp_path: Path) -> None:
    saved(tmp_path, "qwen2.5, bias")
    value, message = CONFIGS[key]
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {key: value}))
    with pytest.raises(ValueError, match=message) as error:
        started(tmp_path)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)
