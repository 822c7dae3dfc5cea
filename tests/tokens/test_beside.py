"""Text by a language model's own tokenizer: exact round trips, special tokens never in a grammar, damage refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from drive.schema import DecodeError
from drive.tokens.beside import FILE, text_beside
from drive.tokens.grammar import compile_grammar

tokenizers = pytest.importorskip("tokenizers", reason="comes with transformers, of the extra `dev`")
TEXTS = ["may I go?", "", " two  spaces\n", "Grüße, 車 and 🚗"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A byte-level tokenizer of the kind that Qwen and Llama 3 have."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False)
    made.train_from_iterator(["the car ahead stands, the light is red"] * 5, trainer)
    made.save(str(tmp_path / FILE))
    return tmp_path


def test_every_text_comes_back_and_fits_the_grammar(folder: Path) -> None:
    text = text_beside(folder)
    grammar = compile_grammar(text.expression(1000, 40))
    for words in TEXTS:
        tokens = text.encode(words)
        assert text.decode(tokens) == words and (tokens < text.size).all()
        if len(tokens):
            assert len(grammar.states([*(tokens + 1000), 1])) > 0
    special = text._tokenizer.token_to_id("<|end|>")  # type: ignore[attr-defined]
    allowed = [range(low, high) for low, high, _ in grammar.edges(0)]
    assert not any(1000 + special in ids for ids in allowed) and any(1000 + special + 1 in ids for ids in allowed)


def test_what_is_no_text_is_refused(folder: Path) -> None:
    text = text_beside(folder)
    with pytest.raises(ValueError, match="half a character"):
        text.encode("\ud83d")
    with pytest.raises(DecodeError, match="not all text tokens"):
        text.decode([text.size])
    with pytest.raises(DecodeError, match="no UTF-8"):
        text.decode(text.encode("車")[:1])


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer.json is missing"):
        text_beside(tmp_path)
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(ValueError, match="tokenizer.json is damaged"):
        text_beside(tmp_path)
