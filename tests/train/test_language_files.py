"""Language-model folders that come from anybody: what they may hold is read, everything else is one line, before memory is taken for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from drive.model.config import LANGUAGE, Language, TransformerConfig
from drive.model.network import DrivingNetwork
from drive.train.checks import check_machine
from drive.train.language import load_language, resolved, shapes_of
from drive.train.language_config import read_config
from drive.train.language_files import told
from drive.train.loop import train
from tests.model.conftest import TINY
from tests.train.tiny import config

VALUES: dict[str, Any] = {
    "model_type": "qwen2", "vocab_size": 11, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 24, "tie_word_embeddings": False,
}  # fmt: skip
HEAD, BIAS = "lm_head.weight", "model.layers.0.self_attn.q_proj.bias"
MODEL = replace(TINY, transformer=TransformerConfig())
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def tensors_of(folder: Path) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes_of(read_config(folder)).items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole folder in one file."""
    own = tmp_path / "lm"
    own.mkdir()
    (own / "config.json").write_text(json.dumps(VALUES))
    save_file(tensors_of(own), own / WEIGHTS)
    return own


def sharded(folder: Path) -> dict[str, str]:
    """The same in two files and an index; its map."""
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    parts = {"a.safetensors": [HEAD], "b.safetensors": [name for name in tensors if name != HEAD]}
    for file, names in parts.items():
        save_file({name: tensors[name] for name in names}, folder / file)
    named = {name: file for file, names in parts.items() for name in names}
    (folder / INDEX).write_text(json.dumps({"weight_map": named}))
    return named


def started(folder: Path) -> DrivingNetwork:
    network = DrivingNetwork(resolved(replace(MODEL, init_from=str(folder))))
    load_language(network, folder)
    return network


def refused(folder: Path, message: str, act: Callable[[Path], Any] = started) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        act(folder)
    said = str(caught.value)
    assert said.isprintable() and len(said) < 700 and folder.name in said


def test_shards_half_numbers_and_what_nobody_needs_are_read(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    expected = started(folder).transformer.state_dict()
    sharded(folder)
    again = started(folder).transformer.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(expected.values(), again.values(), strict=True))
    save_file(
        {n: t.bfloat16() for n, t in tensors.items() if n != HEAD} | {"model.rotary_emb.inv_freq": torch.ones(3)}, folder / "b.safetensors"
    )
    half = started(folder).transformer.state_dict()
    assert all(torch.equal(a.bfloat16(), b.bfloat16()) for a, b in zip(expected.values(), half.values(), strict=True))


NO_FILES = [
    "../lm/a.safetensors",
    "/etc/passwd",
    "a.safetensors/",
    "..\\a.safetensors",
    "a\n.safetensors",
    "a.bin",
    "x" * 300 + ".safetensors",
]


@pytest.mark.parametrize("name", [*NO_FILES, 3, None, ["a"]])
def test_an_index_names_files_of_the_folder(name: Any, folder: Path) -> None:
    named = sharded(folder)
    (folder / INDEX).write_text(json.dumps({"weight_map": {**named, BIAS: name}}))
    refused(folder, "weight_map must name files of the folder")


@pytest.mark.parametrize("named", [{}, None, "a.safetensors", [["a"] * 50] * 50])
def test_an_index_without_a_map_is_refused(named: Any, folder: Path) -> None:
    sharded(folder)
    (folder / INDEX).write_text(json.dumps({"weight_map": named}))
    refused(folder, "weight_map must name files of the folder")


def test_shards_that_are_missing_or_hold_the_same_are_named(folder: Path) -> None:
    named = sharded(folder)
    (folder / INDEX).write_text(json.dumps({"weight_map": {**named, BIAS: "c.safetensors"}}))
    refused(folder, "lm has no c.safetensors: init_from takes a folder")
    save_file({BIAS: torch.zeros(16)}, folder / "c.safetensors")
    refused(folder, f"c.safetensors: {BIAS} is in another file of the folder too")
    (folder / "c.safetensors").unlink()
    (folder / "c.safetensors").mkdir()
    refused(folder, "lm has no c.safetensors")
    (folder / INDEX).unlink()
    refused(folder, "lm has no model.safetensors")


@pytest.mark.parametrize("name", ["config.json", WEIGHTS, INDEX, "a.safetensors"])
def test_links_lead_to_files_of_the_folder(name: str, folder: Path) -> None:
    if not (folder / name).exists():
        sharded(folder)
    elsewhere = folder.parent / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    refused(folder, "is a link to a file outside of its folder: put a copy there")
    (folder / name).unlink()
    elsewhere.rename(folder / f"own-{name}")
    (folder / name).symlink_to(f"own-{name}")
    started(folder)


def test_snapshots_of_hugging_faces_cache_link_to_their_blobs(folder: Path) -> None:
    snapshot, blobs = folder.parent / "snapshots" / "0123", folder.parent / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, name in enumerate(("config.json", WEIGHTS)):
        (folder / name).rename(blobs / str(number))
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    started(snapshot)
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to(snapshot / WEIGHTS)  # to itself
    refused(snapshot, "0123 has no model.safetensors")


STORED: dict[str, tuple[Callable[[dict[str, Tensor]], dict[str, Tensor]], str]] = {
    "missing": (lambda t: {k: v for k, v in t.items() if k != BIAS}, rf"has no {BIAS} \(1 missing, 0 unknown\)"),
    "unknown": (
        lambda t: {**t, "model.layers.0.mlp.experts\n\x1b[2J": t[BIAS].clone()},
        r"has model.layers.0.mlp.experts\\n\\x1b\[2J, which",
    ),
    "another shape": (lambda t: {**t, BIAS: torch.zeros(17)}, rf"{BIAS} is \[17\], expected \[16\]"),
    "no shape": (lambda t: {**t, BIAS: torch.zeros(())}, rf"{BIAS} is \[\], expected \[16\]"),
    "integers": (lambda t: {**t, BIAS: torch.zeros(16, dtype=torch.int8)}, f"{BIAS} is stored as I8, expected F32 or F16 or BF16"),
    "eight bits": (lambda t: {**t, BIAS: torch.zeros(16).to(torch.float8_e4m3fn)}, f"{BIAS} is stored as F8_E4M3, expected"),
    "double": (lambda t: {**t, BIAS: torch.zeros(16, dtype=torch.float64)}, f"{BIAS} is stored as F64, expected"),
    "not a number": (lambda t: {**t, BIAS: torch.full((16,), torch.nan)}, f"{BIAS} holds values that are not finite"),
    "infinity": (lambda t: {**t, HEAD: t[HEAD].half().fill_(torch.inf)}, f"{HEAD} holds values that are not finite"),
}


@pytest.mark.parametrize("how", STORED)
def test_weights_that_do_not_fit_are_named(how: str, folder: Path) -> None:
    change, message = STORED[how]
    save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS)
    refused(folder, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deep"),
        (json.dumps(VALUES | {"model_type": ["x" * 100] * 10_000}), r"model_type is \['xxx"),
        (json.dumps(VALUES | {"hidden_act": "silu\n\x1b[2J"}), r"hidden_act is 'silu\\n\\x1b\[2J'; our layers"),
        (json.dumps(VALUES | {"vocab_size": "11"}), "vocab_size is '11', expected a whole number"),
        (json.dumps(VALUES | {"tie_word_embeddings": 1}), "tie_word_embeddings is 1, expected true or false"),
        (json.dumps(VALUES | {"rope_scaling": ["x"] * 10_000}), "rope_parameters is .*expected a mapping"),
        (json.dumps(VALUES | {"rope_theta": 10**400}), "rope_theta is 1000"),
        (json.dumps(VALUES)[:-1] + ', "rms_norm_eps": 1e999}', "rms_norm_eps is inf, expected a number"),
        (json.dumps(VALUES)[:-1] + ', "rms_norm_eps": NaN}', "NaN is no JSON number"),
        (json.dumps(VALUES)[:-1] + f', "hidden_size": {"9" * 5000}}}', "config.json is damaged"),
        (json.dumps(VALUES | {"more": "x" * 10_000_001}), "larger than 10,000,000 bytes"),
        ("\xff", "config.json is damaged"),
        ("[]", "must hold a mapping, got list"),
    ],
)
def test_hostile_configurations_are_a_line(text: str, message: str, folder: Path) -> None:
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    refused(folder, message)
    (folder / "config.json").unlink()
    refused(folder, "config.json is missing")
    os.mkfifo(folder / "config.json")  # whoever opened it would wait for ever
    refused(folder, "config.json is missing")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("vocab_size", 2**31 - 1, r"embed_tokens.weight is \[11, 16\], expected \[2147483647, 16\]"),
        ("hidden_size", 8192, r"input_layernorm.weight is \[16\], expected \[8192\]"),
        ("intermediate_size", 1_000_000, r"mlp.gate_proj.weight is \[24, 16\], expected \[1000000, 16\]"),
        ("num_hidden_layers", 64, r"has no model.layers.1.input_layernorm.weight"),
        ("head_dim", 4096, r"is \[16, 16\], expected \[8192, 16\]"),
    ],
)
def test_sizes_are_compared_before_memory_is_taken(
    key: str, value: int, message: str, folder: Path, tmp_path: Path, mini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is refused before its network is made, and before data are opened."""
    made: list[int] = []
    monkeypatch.setattr(DrivingNetwork, "__init__", lambda self, config: made.append(config))
    (folder / "config.json").write_text(json.dumps(VALUES | {key: value}))
    run = config(tmp_path / "out", mini, steps=1)
    model = replace(run.model, transformer=TransformerConfig(), init_from=str(folder))
    refused(folder, message, lambda _: train(replace(run, model=model)))
    assert not made and not (tmp_path / "out").exists()


def test_a_vocabulary_counts_where_memory_does(tmp_path: Path, mini: Path) -> None:
    width, words = 16_384, 2_000_000
    wide = replace(TINY, transformer=replace(TINY.transformer, width=width))
    tied, untied = (replace(wide, language=Language(words, tied=tied)) for tied in (True, False))
    assert tied.least_numbers - wide.least_numbers == untied.least_numbers - tied.least_numbers == words * width
    with pytest.raises(ValueError, match="model.transformer needs .* GB for weights and optimiser"):
        check_machine(replace(config(tmp_path, mini), model=tied))


def test_any_bytes_are_read_or_refused(folder: Path) -> None:
    """Bytes of the header and its length turned at random, and files cut short."""
    whole = (folder / WEIGHTS).read_bytes()
    header, rng, outcomes = 8 + int.from_bytes(whole[:8], "little"), np.random.default_rng(5), [0, 0]
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(0, header, rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        (folder / WEIGHTS).write_bytes(bytes(content[: rng.integers(0, len(whole))]) if rng.random() < 0.2 else bytes(content))
        try:
            resolved(replace(MODEL, init_from=str(folder)))
            outcomes[0] += 1
        except ValueError as error:
            assert str(error).isprintable() and len(str(error)) < 700
            outcomes[1] += 1
    assert outcomes[1] > 100


def test_what_a_file_says_is_told_in_a_short_line() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert told(nested) == "a nested list" and told("a\nb") == r"'a\nb'" and len(told("x" * 10**6)) < 70


def test_ids_of_our_own_stay_as_they_were_made(folder: Path) -> None:
    torch.manual_seed(1)
    network = DrivingNetwork(resolved(replace(MODEL, init_from=str(folder))))
    before = network.tokens.words.weight.detach().clone()
    load_language(network, folder)
    changed = (network.tokens.words.weight != before).any(-1)
    assert int(changed.sum()) == 11 == len(network.config.vocabulary.ranges[LANGUAGE])
