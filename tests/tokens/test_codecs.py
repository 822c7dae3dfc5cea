"""Trajectory codecs: round trips, exactly the right language, paths that a car can drive, and typed failures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drive.schema import DecodeError, Window
from drive.tokens.codecs import CODECS, TextCodec, TrajectoryCodec
from drive.tokens.codecs.action import LEVELS, ActionCodec
from drive.tokens.codecs.codebook import codebook
from drive.tokens.codecs.dct import DctCodec, pieces
from drive.tokens.codecs.envelope import CAR, breaches
from drive.tokens.vocab import END, Vocabulary

STEPS, SPEED = 3, 8.0
WINDOW = Window(future_s=1.5)
VOCABULARY = Vocabulary().extended(part for kind in CODECS.values() for part in kind.declares({}))
MADE = [kind(VOCABULARY, WINDOW) for kind in CODECS.values()]
codecs = pytest.mark.parametrize("codec", MADE, ids=list(CODECS))
exact = pytest.mark.parametrize("codec", [codec for codec in MADE if codec.resolution_m is not None], ids=lambda codec: codec.name)
paths = arrays(np.float64, (STEPS, 2), elements=st.floats(-59.9, 119.9))


def driven(speed: float = SPEED, steps: int = STEPS) -> np.ndarray:
    """A slowing turn to the left, half a second a step."""
    headings = 0.08 * np.arange(1, steps + 1)
    ways = (speed - 0.5 * np.arange(steps))[:, None] * 0.5 * np.stack([np.cos(headings), np.sin(headings)], -1)
    return np.cumsum(ways, 0)


def walk(codec: TrajectoryCodec, rng: np.random.Generator) -> list[int]:
    """A random answer."""
    state, ids = 0, []
    while state != codec.grammar.final:
        token = int(rng.choice(np.flatnonzero(codec.grammar.allowed(state, VOCABULARY.size))))
        ids.append(token)
        state = codec.grammar.after(state, token)
        assert state is not None
    return ids


@exact
@given(path=paths)
def test_round_trip_is_off_by_half_a_step_at_most(codec: TrajectoryCodec, path: np.ndarray) -> None:
    ids = codec.encode(path)
    assert ids[-1] == END and ids.min() >= 0 and ids.max() < VOCABULARY.size
    assert np.abs(codec.decode(ids) - path).max() <= codec.resolution_m / 2 + 1e-9
    np.testing.assert_array_equal(codec.encode(codec.decode(ids)), ids)
    assert len(codec.grammar.states(ids)) == len(ids) <= codec.grammar.max_length


@codecs
@pytest.mark.parametrize("speed", [0.0, 2.5, SPEED, 20.0])
def test_a_drive_comes_back(codec: TrajectoryCodec, speed: float) -> None:
    path = driven(speed) if speed else np.zeros((STEPS, 2))
    ids = codec.encode(path, speed)
    assert len(codec.grammar.states(ids)) == len(ids) <= codec.grammar.max_length
    assert np.abs(codec.decode(ids, speed)[:, :2] - path).max() < 0.25


@codecs
@pytest.mark.parametrize(("future_s", "rate_hz"), [(3.0, 2.0), (4.0, 2.0), (5.0, 4.0)])
def test_horizons_of_the_benchmarks(codec: TrajectoryCodec, future_s: float, rate_hz: float) -> None:
    window = Window(future_s=future_s, rate_hz=rate_hz)
    own = type(codec)(VOCABULARY, window)
    path = np.stack([SPEED * window.future_times_s, np.zeros(len(window.future_times_s))], -1)
    assert np.abs(own.decode(own.encode(path, SPEED), SPEED)[:, :2] - path).max() < 0.3


def test_text_reads_as_emma_writes_it() -> None:
    codec = TextCodec(VOCABULARY, Window(future_s=1.0))
    ids = codec.encode([[1.0, -0.004], [12.34, -3.5]])
    assert VOCABULARY.ids_to_text(ids[:-1]) == "1.00, 0.00 and 12.34, -3.50"


@codecs
def test_random_walks_through_the_grammar_decode_to_finite_paths(codec: TrajectoryCodec) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        path = codec.decode(walk(codec, rng), SPEED)
        assert path.shape in {(STEPS, 2), (STEPS, 3)} and np.isfinite(path).all()


@codecs
def test_broken_answers_are_decode_errors(codec: TrajectoryCodec) -> None:
    good = codec.encode(driven(), SPEED)
    for bad in (good[:-1], good[1:], np.append(good, END), np.array([END]), np.array([], dtype=int), good[::-1]):
        with pytest.raises(DecodeError):
            codec.decode(bad, SPEED)


@codecs
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e4, -1e4])
def test_what_cannot_be_written_is_refused(codec: TrajectoryCodec, value: float) -> None:
    path = np.zeros((STEPS, 2))
    path[1, 0] = value
    with pytest.raises(ValueError):
        codec.encode(path, SPEED)
    with pytest.raises(ValueError, match="expected positions"):
        codec.encode(np.zeros((STEPS + 1, 2)), SPEED)


@pytest.mark.parametrize("name", ["action", "action-reverse", "dct"])
def test_a_codec_that_needs_the_speed_says_so(name: str) -> None:
    codec = CODECS[name](VOCABULARY, WINDOW)
    ids = codec.encode(driven(), SPEED)
    told = [lambda speed=speed: codec.decode(ids, speed) for speed in (None, np.nan, np.inf, 1e9, -1e308)]
    for call in (lambda: codec.encode(driven()), lambda: codec.encode(driven(), np.nan), *told):
        with pytest.raises(DecodeError, match=f"plan:{name} is told from the car's speed"):
            call()


@pytest.mark.parametrize("kind", [ActionCodec, CODECS["action-reverse"]])
def test_every_action_keeps_the_envelope_from_every_speed(kind: type[ActionCodec]) -> None:
    """All tokens, from all speeds a twentieth of a metre per second apart: with each state's speed among these, no answer leaves it."""
    codec = kind(VOCABULARY, Window(future_s=5.0, rate_hz=4.0))
    bounds, (gain, share) = codec.envelope, codec.actions
    speeds = np.arange(-bounds.back, 60.0, 0.05)
    state = np.zeros((len(speeds), 1, 4))
    state[..., 3] = speeds[:, None]
    reached = codec.drive(state, gain, share)
    after = reached[..., -1, 3]
    assert len(gain) == (2 * LEVELS + 1) ** 2 and np.isfinite(reached).all()
    assert after.min() >= -bounds.back and (after - state[..., 3]).max() <= 0.5 * bounds.gas + 1e-9
    assert (after - state[..., 3]).min() >= -0.5 * bounds.brake - 1e-9
    turns = np.abs(np.diff(reached[..., 2], axis=-1, prepend=0.0))
    fine = ActionCodec.drive(kind(VOCABULARY, Window(future_s=0.5, rate_hz=100.0)), state, gain, share)
    ways = np.hypot(*np.moveaxis(np.diff(fine[..., :2], axis=-2, prepend=0.0), -1, 0))
    bends = np.abs(np.diff(fine[..., 2], axis=-1, prepend=0.0)) / np.maximum(ways, 1e-9)
    moving = ways > 1e-6
    assert (bends[moving] <= bounds.curvature * 1.001).all()
    assert (bends * np.maximum(np.abs(fine[..., 3]), ways / 0.01) ** 2)[moving].max() <= bounds.lateral * 1.01
    assert turns.max() <= bounds.curvature * 0.25 * 62.0


@given(seed=st.integers(0, 10_000), speed=st.floats(0.0, 40.0))
def test_random_actions_break_no_bound_as_measured_from_positions(seed: int, speed: float) -> None:
    codec = ActionCodec(VOCABULARY, Window())
    path = codec.decode(walk(codec, np.random.default_rng(seed)), speed)
    assert not any(breaches(path[:, :2], speed, 0.5, CAR).values())


@pytest.mark.parametrize(
    ("xy", "speed", "broken"),
    [
        ([[4, 0], [8, 0], [12, 0]], 8.0, set()),
        ([[4, 0], [12, 0], [20, 0]], 8.0, {"acceleration"}),
        ([[0, 0], [0, 0], [0, 0]], 8.0, {"acceleration"}),
        ([[4, 0], [8, 0], [11, 2.65]], 8.0, {"lateral"}),
        ([[1, 0], [2, 0], [2, 1]], 2.0, {"turn", "lateral"}),
    ],
)
def test_bounds_of_known_paths(xy: list[list[float]], speed: float, broken: set[str]) -> None:
    assert {name for name, bad in breaches(np.array(xy, dtype=float), speed, 0.5).items() if bad} == broken


def test_reversing_is_written_only_where_it_is_asked_for() -> None:
    back = np.stack([-0.5 * np.arange(1, STEPS + 1), np.zeros(STEPS)], -1)
    ahead, reverse = CODECS["action"](VOCABULARY, WINDOW), CODECS["action-reverse"](VOCABULARY, WINDOW)
    assert ahead.decode(ahead.encode(back, 0.0), 0.0)[:, 0].min() >= 0.0
    assert np.abs(reverse.decode(reverse.encode(back, 0.0), 0.0)[:, :2] - back).max() < 0.3


def test_the_codebook_begins_with_standing_and_its_rate_is_a_multiple() -> None:
    np.testing.assert_array_equal(codebook()[0], 0.0)
    with pytest.raises(ValueError, match="multiple of 2 Hz, got 3"):
        CODECS["codebook"](VOCABULARY, Window(rate_hz=3.0)).encode(np.zeros((9, 2)))


def test_dct_answers_hold_exactly_as_many_numbers_as_the_path() -> None:
    codec = DctCodec(VOCABULARY, Window(future_s=5.0, rate_hz=4.0))
    rng, start = np.random.default_rng(1), VOCABULARY.ranges["dct"].start
    lengths = {sum(len(pieces().runs[i - start]) for i in walk(codec, rng)[:-1]) for _ in range(50)}
    assert lengths == {40} and codec.grammar.max_length == 41
    assert len(codec.grammar) < 60  # counting needs a state a number, not one a way of adding up


def test_byte_pairs_write_what_they_read() -> None:
    runs = pieces()
    for values in itertools.product([-3, 0, 1, 255], repeat=4):
        assert [v for token in runs.joined(list(values)) for v in runs.runs[token]] == list(values)


@pytest.mark.parametrize("name", ["action", "codebook"])
def test_a_path_that_no_answer_comes_near_is_refused(name: str) -> None:
    """A recorded stop from 15 m/s within a step, and a jump: the nearest answer would be another drive."""
    codec = CODECS[name](VOCABULARY, WINDOW)
    jump = np.array([[4.0, 0.0], [8.0, 30.0], [12.0, 0.0]])
    with pytest.raises(ValueError, match="m off, at most 2: no car drives"):
        codec.encode(jump, SPEED)
    if name == "action":
        with pytest.raises(ValueError, match="m off, at most 2"):
            codec.encode(np.zeros((STEPS, 2)), 15.0)
