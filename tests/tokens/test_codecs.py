"""Trajectory codecs: round trips, exactly the right language, and typed failures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drive.schema import DecodeError
from drive.tokens.codecs import CODECS, TextCodec, TrajectoryCodec
from drive.tokens.vocab import END, Vocabulary

STEPS = 3
VOCABULARY = Vocabulary().extended(part for kind in CODECS.values() for part in kind.declares({}))
codecs = pytest.mark.parametrize("codec", [kind(VOCABULARY, STEPS) for kind in CODECS.values()], ids=list(CODECS))
paths = arrays(np.float64, (STEPS, 2), elements=st.floats(-59.9, 119.9))


@codecs
@given(path=paths)
def test_round_trip_is_off_by_half_a_step_at_most(codec: TrajectoryCodec, path: np.ndarray) -> None:
    ids = codec.encode(path)
    assert ids[-1] == END and ids.min() >= 0 and ids.max() < VOCABULARY.size
    assert np.abs(codec.decode(ids) - path).max() <= codec.resolution_m / 2 + 1e-9
    np.testing.assert_array_equal(codec.encode(codec.decode(ids)), ids)
    assert len(codec.grammar.states(ids)) == len(ids) <= codec.grammar.max_length


def test_text_reads_as_emma_writes_it() -> None:
    codec = TextCodec(VOCABULARY, 2)
    ids = codec.encode([[1.0, -0.004], [12.34, -3.5]])
    assert VOCABULARY.ids_to_text(ids[:-1]) == "1.00, 0.00 and 12.34, -3.50"


@codecs
def test_random_walks_through_the_grammar_decode_to_finite_paths(codec: TrajectoryCodec) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        state, ids = 0, []
        while state != codec.grammar.final:
            token = int(rng.choice(np.flatnonzero(codec.grammar.allowed(state, VOCABULARY.size))))
            ids.append(token)
            state = codec.grammar.after(state, token)
            assert state is not None
        path = codec.decode(ids)
        assert path.shape == (STEPS, 2) and np.isfinite(path).all()


@codecs
def test_broken_answers_are_decode_errors(codec: TrajectoryCodec) -> None:
    good = codec.encode(np.ones((STEPS, 2)))
    for bad in (good[:-1], good[1:], np.append(good, END), np.array([END]), np.array([], dtype=int), good[::-1]):
        with pytest.raises(DecodeError):
            codec.decode(bad)


@codecs
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e4, -1e4])
def test_what_cannot_be_written_is_refused(codec: TrajectoryCodec, value: float) -> None:
    path = np.zeros((STEPS, 2))
    path[1, 0] = value
    with pytest.raises(ValueError):
        codec.encode(path)
    with pytest.raises(ValueError, match="expected positions"):
        codec.encode(np.zeros((STEPS + 1, 2)))
