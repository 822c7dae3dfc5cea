"""Grammars: the right language, bounded, small whatever the vocabulary, and equal to an independent library's."""

from __future__ import annotations

import random
import time
import tracemalloc

import numpy as np
import pytest

from drive.schema import DecodeError
from drive.tokens.expression import Choice, Expression, Ids, Repeat, Sequenced, choice, ids, literal, one_of, repeat, sequence, token
from drive.tokens.grammar import compile_grammar
from drive.tokens.vocab import END


def words(expression: Expression) -> set[tuple[int, ...]]:
    """Every answer of a small expression, without END; the plain meaning of the four kinds of expression."""
    match expression:
        case Ids(low, high):
            return {(i,) for i in range(low, high)}
        case Choice(options):
            return set().union(*(words(option) for option in options))
        case Sequenced(parts):
            found: set[tuple[int, ...]] = {()}
            for part in parts:
                found = {a + b for a in found for b in words(part)}
            return found
        case Repeat(part, least, most):
            return set().union(*(words(Sequenced((part,) * count)) for count in range(least, most + 1)))


def random_expression(rng: random.Random, depth: int) -> Expression:
    if depth == 0 or rng.random() < 0.2:
        low = rng.randint(2, 7)
        return ids(low, rng.randint(low + 1, 8))
    inner = [random_expression(rng, depth - 1) for _ in range(rng.randint(1, 3))]
    kind = rng.randrange(3)
    if kind == 2:
        least = rng.randint(0, 2)
        return repeat(inner[0], least, rng.randint(least, 2))
    return sequence(*inner) if kind else choice(*inner)


def accepted(expression: Expression) -> set[tuple[int, ...]]:
    """Every answer that the compiled automaton lets through, without END."""
    grammar, found, waiting = compile_grammar(expression), set(), [((), 0)]
    while waiting:
        word, state = waiting.pop()
        if state == grammar.final:
            found.add(word[:-1])
        for low, high, target in grammar.edges(state):
            waiting += [((*word, i), target) for i in range(low, high)]
    return found


def test_the_automaton_accepts_exactly_the_words_of_its_expression() -> None:
    rng, sizes = random.Random(0), []
    for _ in range(300):
        expression = random_expression(rng, 2)
        expected = words(expression)
        if len(expected) < 3000:
            sizes.append(len(expected))
            assert accepted(expression) == expected, expression
            assert compile_grammar(expression).max_length == max(map(len, expected)) + 1
    assert len(sizes) > 200 and max(sizes) > 500


def test_masks_equal_those_of_llguidance() -> None:
    """Random grammars over 64 ids, random walks: at every step the same ids may follow."""
    llguidance = pytest.importorskip("llguidance", reason="the extra `dev` installs llguidance")
    oracle = Oracle(llguidance, 64)
    rng = random.Random(1)
    steps = 0
    for _ in range(90):
        expression = random_expression(rng, 3)
        grammar, matcher, state = compile_grammar(expression), oracle.matcher(expression), 0
        while state != grammar.final:
            ours = grammar.allowed(state, 64)
            np.testing.assert_array_equal(ours, oracle.mask(matcher), err_msg=f"{expression} after {steps} steps")
            chosen = int(rng.choice(np.flatnonzero(ours)))
            following = grammar.after(state, chosen)
            assert following is not None
            state, steps = following, steps + 1
            if chosen != END:
                assert matcher.consume_token(chosen)
    assert steps > 200


class Oracle:
    """llguidance over a vocabulary of `size` ids, of which END is its end of text."""

    def __init__(self, library, size: int) -> None:  # type: ignore[no-untyped-def]
        self.library, self.size = library, size

        class Wrapper:
            eos_token_id = END
            bos_token_id = None
            tokens = [b"\xff<%d>" % i for i in range(size)]
            special_token_ids: list[int] = []

            def __call__(self, text: str | bytes) -> list[int]:
                raise NotImplementedError

        self.tokenizer = library.LLTokenizer(library.TokenizerWrapper(Wrapper()))

    def matcher(self, expression: Expression):  # type: ignore[no-untyped-def]
        return self.library.LLMatcher(self.tokenizer, self.library.LLMatcher.grammar_from_lark("start: " + self.lark(expression)))

    def lark(self, expression: Expression) -> str:
        match expression:
            case Ids(low, high):
                # One by one: of two ranges that overlap llguidance's lexer follows one only.
                return "(" + " | ".join(f"<[{i}]>" for i in range(low, high)) + ")"
            case Choice(options):
                return "(" + " | ".join(self.lark(o) for o in options) + ")"
            case Sequenced(parts):
                return "(" + (" ".join(self.lark(p) for p in parts) or '""') + ")"
            case Repeat(part, least, most):
                return f"({self.lark(part)}){{{least},{most}}}" if most else '""'

    def mask(self, matcher) -> np.ndarray:  # type: ignore[no-untyped-def]
        bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
        return np.unpackbits(bits, bitorder="little")[: self.size].astype(bool)


def test_152000_ids_and_4000_steps_are_compiled_in_a_second_and_little_memory() -> None:
    item = sequence(ids(10, 152_000), choice(token(5), one_of([6, 8])))
    tracemalloc.start()
    began = time.process_time()
    grammar = compile_grammar(repeat(item, 1, 2000))
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grammar.max_length == 4001 and len(grammar) >= 4000
    assert seconds < 3.0 and peak < 50e6  # a third of that time where nothing counts every allocation


def test_deep_nesting_needs_no_recursion() -> None:
    expression: Expression = ids(2, 5)
    for depth in range(3000):
        expression = sequence(expression) if depth % 2 else choice(expression)
    assert accepted(expression) == {(2,), (3,), (4,)}


def test_states_name_the_first_wrong_token_and_an_answer_that_breaks_off() -> None:
    grammar = compile_grammar(sequence(literal([5, 6]), repeat(ids(7, 9), 0, 2)))
    assert len(grammar.states([5, 6, 8, END])) == 4
    with pytest.raises(DecodeError, match="token 9 at position 2"):
        grammar.states([5, 6, 9, END])
    with pytest.raises(DecodeError, match="breaks off after 2 tokens"):
        grammar.states([5, 6])
    with pytest.raises(DecodeError, match="position 3"):
        grammar.states([5, 6, END, END])


def test_impossible_expressions_are_refused() -> None:
    with pytest.raises(ValueError, match="dead end"):
        choice()
    with pytest.raises(ValueError, match="least <= most"):
        repeat(token(5), 3, 2)
    with pytest.raises(ValueError, match="low < high"):
        ids(5, 5)
