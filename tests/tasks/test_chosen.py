"""Which questions of a set are kept: known counts, whatever the order, by the seed."""

from __future__ import annotations

from collections import Counter

from drive.tasks.questions.chosen import balance_rows, chosen

GO, CAR = "may_go", "count_within car 30"
SETS = ((GO, ["yes_no True"] * 7 + ["yes_no False"] * 3), (CAR, ["count 0"] * 5 + ["count 1"] * 3 + ["count 2"] * 2))
KNOWN = [(f"s{k}", tuple((name, keys[k]) for name, keys in SETS) + (("light", "word red"),)) for k in range(10)]


def test_no_answer_is_kept_more_often_than_the_second() -> None:
    found = chosen(KNOWN)
    assert found.counts == {
        GO: {"yes_no True": (7, 3), "yes_no False": (3, 3)},
        CAR: {"count 0": (5, 3), "count 1": (3, 3), "count 2": (2, 2)},
        "light": {"word red": (10, 0)},
    }
    kept = Counter((name, dict(KNOWN[int(token[1:])][1])[name]) for token, names in found.names.items() for name in names)
    assert kept == {(name, key): after for name, own in found.counts.items() for key, (_, after) in own.items() if after}
    assert balance_rows(found.counts) == [
        {"kind": "yes_no", "known": 10, "kept": 6, "guess_known": 0.7, "guess_kept": 0.5},
        {"kind": "count", "known": 10, "kept": 8, "guess_known": 0.5, "guess_kept": 0.375},
        {"kind": "word", "known": 10, "kept": 0, "guess_known": 1.0, "guess_kept": None},
    ]


def test_what_is_kept_follows_from_the_seed_and_not_from_the_order() -> None:
    assert chosen(KNOWN[::-1]).names == chosen(KNOWN).names == chosen(KNOWN, seed=0).names
    assert len({tuple(sorted(chosen(KNOWN, seed).names.items())) for seed in range(5)}) > 1
    assert chosen([]).names == {} and chosen([("a", ())]).names == {"a": frozenset()}


def test_a_sample_keeps_two_questions_of_one_meaning() -> None:
    names = [f"count_within {noun} 30" for noun in ("car", "truck", "bus", "pedestrian", "vehicle")]
    known = [(f"s{k}", tuple((name, f"count {k % 2}") for name in names)) for k in range(40)]
    found = chosen(known)
    assert max(map(len, found.names.values())) == 2
    assert all(len({kept for _, kept in own.values()}) == 1 for own in found.counts.values())
    assert sum(map(len, found.names.values())) > 50
