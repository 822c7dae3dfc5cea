"""The allotment of ids: nothing overlaps, nothing moves, everything has a name."""

from __future__ import annotations

import numpy as np
import pytest

from drive.tokens.vocab import BASE, END, Grid, IdRange, Vocabulary, numbers

METRES = numbers("metre", Grid(-60.0, 120.0, 0.05))
SPEEDS = numbers("speed", Grid(0.0, 40.0, 0.5))
VOCABULARY = Vocabulary().extended([METRES], ["plan:bins", "plan:text"])


def test_ranges_are_disjoint_and_cover_everything() -> None:
    assert [i for ids in VOCABULARY.ranges.values() for i in ids] == list(range(VOCABULARY.size))
    assert VOCABULARY.request_id("plan:bins") != VOCABULARY.request_id("plan:text")


def test_what_comes_later_never_renumbers_what_was_there() -> None:
    longer = VOCABULARY.extended([SPEEDS, METRES, IdRange("class", 10)], ["see", "plan:text"])
    for name, ids in VOCABULARY.ranges.items():
        assert longer.ranges[name] == ids
    assert [longer.request_id(r) for r in VOCABULARY.requests] == [VOCABULARY.request_id(r) for r in VOCABULARY.requests]
    assert longer.extended([METRES, SPEEDS]) == longer


def test_another_grid_under_a_known_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'metre' was allotted as"):
        VOCABULARY.extended([numbers("metre", Grid(-10.0, 10.0, 0.05))])


def test_numbers_and_text_come_back() -> None:
    values = np.array([[-60.0, 0.0], [12.34, 120.0]])
    np.testing.assert_allclose(VOCABULARY.ids_to_numbers("metre", VOCABULARY.numbers_to_ids("metre", values)), values, atol=0.025)
    assert VOCABULARY.ids_to_text(VOCABULARY.text_to_ids("für 5 m")) == "für 5 m"


def test_every_id_has_a_name() -> None:
    names = [VOCABULARY.name_of(i) for i in range(VOCABULARY.size)]
    assert len(set(names)) == len(names)
    assert names[END] == "special END" and names[VOCABULARY.request_id("plan:text")] == "request plan:text"
    assert names[int(VOCABULARY.numbers_to_ids("metre", 12.5))] == "metre 12.5"


def test_ids_of_another_range_are_refused() -> None:
    with pytest.raises(ValueError, match="metre tokens"):
        VOCABULARY.ids_to_numbers("metre", [END])
    with pytest.raises(ValueError, match="byte tokens"):
        VOCABULARY.ids_to_text([VOCABULARY.size - 1])
    with pytest.raises(ValueError, match="unknown request"):
        VOCABULARY.request_id("fly")
    with pytest.raises(ValueError, match="widen numbers.metre"):
        VOCABULARY.numbers_to_ids("metre", 121.0)


@pytest.mark.parametrize("grid", [(0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 1, -1), (0, 1, np.nan), (-np.inf, 1, 1), (0, 1, 1e-9)])
def test_impossible_grids_are_refused(grid: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="grid|numbers"):
        Grid(*grid)


def test_impossible_allotments_are_refused() -> None:
    with pytest.raises(ValueError, match="begins with"):
        Vocabulary(BASE[1:])
    with pytest.raises(ValueError, match="nothing twice"):
        Vocabulary((*BASE, METRES, METRES))
    with pytest.raises(ValueError, match="at most 64 requests"):
        Vocabulary(requests=tuple(map(str, range(65))))
    with pytest.raises(ValueError, match="ids for"):
        IdRange("metre", 5, METRES.grid)
