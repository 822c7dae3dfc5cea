"""Text as tokens: every string comes back, the grammar allows exactly what is text, the shipped model is the one that was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive.schema import DecodeError
from drive.tokens.grammar import Grammar, compile_grammar
from drive.tokens.text import BYTES, MODEL_FILE, TOKENS, SentenceText, driving_text, text_range
from drive.tokens.vocab import END

FIRST, MOST = 100, 12
HARD = ["", "  a  b ", "\n\t", "\0", "a\0b", "\u2581", "a\u2581 \u2581b", "<s></s><unk>", "<0x41>", "naïve 漢字 🚗", "\u0301e", "ﬁ", "\r\n"]


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return compile_grammar(driving_text().expression(FIRST, MOST))


@pytest.mark.parametrize("text", HARD)
def test_hard_text_comes_back(text: str) -> None:
    assert driving_text().decode(driving_text().encode(text)) == text


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    tokens = driving_text().encode(text)
    assert ((tokens >= 0) & (tokens < TOKENS)).all()
    assert driving_text().decode(tokens) == text


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(ValueError, match="half a character at 1"):
        driving_text().encode("a\ud800")


@pytest.mark.parametrize("tokens", [[0xFF], [0xC0, 0x80], [0xE2, 0x96], [0xED, 0xA0, 0x80], [-1], [TOKENS]])
def test_what_is_no_text_is_a_typed_error(tokens: list[int]) -> None:
    with pytest.raises(DecodeError):
        driving_text().decode(tokens)


@given(st.text(max_size=MOST))
def test_the_grammar_allows_every_text(grammar: Grammar, text: str) -> None:
    """A text of so many characters takes no more pieces than characters, whatever they are."""
    grammar.states([*(driving_text().encode(text) + FIRST), END])


def test_every_way_through_the_grammar_is_text(grammar: Grammar) -> None:
    """Random walks, half of them over bytes alone, where characters can break."""
    rng = np.random.default_rng(0)
    for k in range(400):
        state, ids = 0, []
        while state != grammar.final:
            edges = [e for e in grammar.edges(state) if k % 2 or e[0] < FIRST + BYTES]
            low, high, state = edges[rng.integers(len(edges))]
            ids.append(int(rng.integers(low, high)))
        assert isinstance(driving_text().decode(np.array(ids[:-1]) - FIRST), str)


def test_driving_words_are_short() -> None:
    said = "The light is red. May I go?"
    assert len(driving_text().encode(said)) <= 10 < len(said.encode())


def test_the_shipped_model_is_the_one_that_checkpoints_were_trained_with() -> None:
    """Other pieces under the same ids would make nonsense of every checkpoint that reads or writes text: a new model needs a new range."""
    assert hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest() == "54bbaaea1ec4a73f732cf6f32c459ccd223ccb7c03c337f1cd2d0dd8f23341e0"
    assert driving_text().size == TOKENS == text_range().size


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    import io

    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    lines = iter(["the light is red", "the light is green"])
    SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, vocab_size=20, hard_vocab_limit=False, minloglevel=2)
    (tmp_path / "other.model").write_bytes(model.getvalue())
    with pytest.raises(ValueError, match="other.model: expected a SentencePiece model with bytes as pieces"):
        SentenceText(tmp_path / "other.model").encode("red")
