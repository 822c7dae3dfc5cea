"""`drive tokens`: a table that fits a terminal, rows, and what it says to wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drive.cli import main
from drive.data.dataset import open_dataset


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["tokens", *words, "-q"]) == status
    return capsys.readouterr().out


def test_columns_are_aligned_and_lines_fit(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, str(mini), "--limit", "3").splitlines()
    tables = [k for k, line in enumerate(lines) if line.split() == ["at", "pos", "span", "id", "name", "meaning"]]
    assert len(tables) == 3 and max(map(len, lines)) <= 100
    at = lines[tables[0]].index("name"), lines[tables[0]].index("meaning")
    rows = lines[tables[0] + 1 : lines.index("", tables[0])]
    rows = [row for row in rows if not row.startswith("  no ")]
    assert len(rows) > 50 and all(row[place - 2 : place].isspace() and not row[place].isspace() for row in rows for place in at)
    assert not any(row.endswith("...") for row in rows)


def test_rows_are_the_same_tokens(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = open_dataset(mini, maps=False).tokens[5]
    asked = [str(mini), token, "--tasks", "decide>plan,see:cap"]
    rows = json.loads(said(capsys, *asked, "--json"))
    lines = said(capsys, *asked).splitlines()
    assert len({tuple(row) for row in rows}) == 1, "every row has the same keys"
    assert {row["sample"] for row in rows} == {token} and lines[0].startswith(f"{token} of ")
    told = [row for row in rows if row["reason"] is None]
    assert [int(line.split()[0]) for line in lines[2 : 2 + len(told)]] == [row["at"] for row in told] == list(range(len(told)))
    assert [row["of"] for row in rows if row["reason"]] == ["see:cap"] and lines[-1] == "  no see:cap: the right answer is not known here"


def test_a_networks_prefix_is_summed_up_by_camera(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [str(mini), "--planner", "first-drive"]
    short, whole, true = said(capsys, *asked), said(capsys, *asked, "--all"), json.loads(said(capsys, *asked, "--truth", "--json"))
    assert "4 tokens           summary 1 of 4 to summary 4 of 4" in short and len(whole.splitlines()) == len(short.splitlines()) + 2 * 3
    assert [row["span"] for row in true[:10]] == [0] * 10 and true[10]["name"] == "request plan:bins" and len(true) == 24


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nothing", "sample 'nothing' is not among the"),
        ("--tasks se>plan", "did you mean see?"),
        ("--tasks see:lain", "see takes lane, bends, cap, lead, light, line, not 'lain'"),
        ("--tasks ask", "request ask: write the question"),
        ("--tasks ,", "nothing stands before or behind a ','"),
        ("--planner constant-velocity", "is no network"),
        ("--planner first-driv", "did you mean first-drive?"),
        ("--planner first-drive --tasks see", "first-drive was not trained to answer see; it answers plan:bins"),
        ("--limit 0", "1 or more"),
        ("--out x", "no option --out"),
    ],
)
def test_wrong_input_is_one_line(words: str, message: str, mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", str(mini), *words.split(), "-q"]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_token_nearly_right_and_a_question_that_steers_nothing(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = open_dataset(mini, maps=False).tokens[5]
    assert main(["tokens", str(mini), token[:-1] + "!", "-q"]) == 2
    assert f"did you mean {token}?" in capsys.readouterr().err
    out = said(capsys, str(mini), "--tasks", "ask(a\x1b[2J b?)")
    assert "\x1b" not in out and "\\x1b[2J" in out
