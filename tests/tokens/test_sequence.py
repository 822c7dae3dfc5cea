"""The attention rule, pinned as a picture drawn from the table itself."""

from __future__ import annotations

import numpy as np
import pytest

from drive.tokens.sequence import MAX_FRAMES, SPAN_POSITION, attention_table, concatenate, frame_tokens, span_tokens, tail_tokens

SEQUENCE = concatenate(
    [
        frame_tokens(0, ["CAM_A", "CAM_B", "motion"]),
        frame_tokens(1, ["CAM_A", "motion"]),
        tail_tokens(["history", "command"]),
        span_tokens(0, ("plan", 3)),
        span_tokens(1, ("decide", 2)),
    ]
)

# Rows ask, columns answer. # = may attend.
GOLDEN = """
###.........
###.........
###.........
#####.......
#####.......
#######.....
#######.....
########....
#########...
##########..
#######...#.
#######...##
"""


def test_the_table_is_the_golden_picture() -> None:
    drawn = "\n".join("".join("#" if x else "." for x in row) for row in attention_table(SEQUENCE))
    assert drawn == GOLDEN.strip()


# The same with frames kept apart.
APART = """
###.........
###.........
###.........
...##.......
...##.......
#######.....
#######.....
########....
#########...
##########..
#######...#.
#######...##
"""


def test_frames_kept_apart_see_themselves_alone() -> None:
    drawn = "\n".join("".join("#" if x else "." for x in row) for row in attention_table(SEQUENCE, apart=True))
    assert drawn == APART.strip()


# A chain beside a span: see>plan, boxes behind a tail.
CHAINED = concatenate([tail_tokens(["command"]), span_tokens(0, ("see", 2), ("plan", 3)), span_tokens(1, ("boxes", 2))])
CHAIN = """
#.......
##......
###.....
####....
#####...
######..
#.....#.
#.....##
"""


def test_a_chain_sees_its_earlier_links_and_no_other_span() -> None:
    drawn = "\n".join("".join("#" if x else "." for x in row) for row in attention_table(CHAINED))
    assert drawn == CHAIN.strip()
    assert CHAINED.labels == ("command", "see", "see", "plan", "plan", "plan", "boxes", "boxes")


def test_positions_are_shared_within_a_frame_and_restart_in_each_span() -> None:
    assert SEQUENCE.position.tolist() == [0, 0, 0, 1, 1, MAX_FRAMES, MAX_FRAMES, *(SPAN_POSITION + np.array([0, 1, 2, 0, 1]))]


def test_nobody_attends_to_a_later_frame_or_another_span() -> None:
    table, block = attention_table(SEQUENCE), SEQUENCE.block
    query, key = np.nonzero(table)
    assert (block[key] <= block[query]).all()
    spans = (block[key] > MAX_FRAMES) & (block[query] > MAX_FRAMES)
    assert (block[key][spans] == block[query][spans]).all()
    assert table.diagonal().all()


def test_a_fifth_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="frame index"):
        frame_tokens(MAX_FRAMES, ["CAM"])
