"""What the command says to wrong input: one line with what, what was expected and what was perhaps meant; exit status 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import drive
from drive.cli import VERBS, main, make_parser
from drive.cli.completion import script
from drive.cli.streams import PlainStream
from drive.words import did_you_mean, plain_text


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The last line on stderr of a call that ends with status 2."""
    status = main(list(words))
    said = capsys.readouterr()
    assert status == 2 and not said.out and "Traceback" not in said.err
    return said.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("evl DATA", "did you mean eval?"),
        ("eval DATA --protocl exact", "drive eval: error: no option --protocl; did you mean --protocol?"),
        ("eval DATA --protocol exakt", "did you mean exact?"),
        ("eval DATA --protocol ,", "unknown protocol (none)"),
        ("eval DATA --planner constnt-velocity", "did you mean constant-velocity?"),
        ("eval DATA more", "what is 'more'?"),
        ("eval DATA --limit 0", "expected an integer of 1 or more, got 0"),
        ("eval DATA --limit many", "expected an integer of 1 or more, got 'many'"),
        ("plan DATA", "required: --planner"),
        ("plan DATA --planner a/b.py:Mine", "name the module, from the folder that holds it: a.b:Mine"),
        ("plan DATA --planner pathlib:Path", "needs a method `plan(observation, samples=1)"),
        ("plan nowhere --planner stand-still", "no data set at nowhere"),
        ("make OUT --scens 3", "did you mean --scenes?"),
        ("make OUT --scenes 1 --kind contry", "no kind of towns 'contry'; there is town, village, country; did you mean country?"),
        ("make OUT --scenes 1 --traffic bussy", "no traffic 'bussy'; there is light, ordinary, busy; did you mean busy?"),
        ("plan DATA --planner stand-still --horizon 0", "expected a number of 0.1 to 60, got 0"),
        ("sim twon --planner expert", "did you mean town?"),
        ("sim town --planner exprt", "did you mean expert?"),
        ("sim town --planner watchful:expert", "drives in the simulator alone, under its bare name"),
        ("sim town --planner first-answers-heedful", "did you mean heedful:first-answers?"),
        ("sim town --planner first-drive", "--rig first-drive"),
        ("sim town --planner expert --hz nan", "expected a number of 2 to 10, got nan"),
        ("sim town --planner expert --family ordinry", "did you mean ordinary?"),
        ("sim town --planner expert --rig nuscene", "did you mean nuscenes?"),
        ("sim town --planner expert --rig waymo --weather fogg", "did you mean fog?"),
        ("sim nowhere.pkl --planner expert", "nowhere.pkl: no such scenario file"),
        ("train smal", "did you mean small?"),
        ("train first-drive --fersh", "no option --fersh, and no value of that name in a configuration; did you mean --fresh?"),
        ("train first-drive --print-conifg --seed 3", "did you mean --print-config?"),
        ("train first-drive --limit=3", "no option --limit"),
        ("train first-drive --print-config --seed", "--seed has no value; values of the configuration come as --key value"),
        ("train first-drive --seed --print-config", "--seed has no value"),
        ("train first-drive --print-config -x 3", "what is '-x'?"),
        ("train first-drive --print-config more", "what is 'more'?"),
        ("--json eval DATA", "--json stands before the verb; options of a verb come after it: drive eval ... --json"),
        ("--limit=3 eval DATA", "drive eval ... --limit"),
        ("-q --quite check DATA", "--quite stands before the verb"),
        ("bench metrix", "did you mean metrics?"),
        ("view", "name a data set"),
        ("completion fish", "invalid choice: 'fish'"),
    ],
)
def test_wrong_input_is_one_line_that_helps(
    words: str, message: str, mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *(str(mini) if word == "DATA" else word for word in words.split()))


def test_tables_in_place_of_their_data_set(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"which is the folder above: name {mini}" in refused(capsys, "check", str(mini / "v1.0-mini"))


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "train"])  # where any option may be a value of the configuration
def test_a_wrong_option_shows_the_verbs_own_usage(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--quite"]) == 2
    assert f"usage: drive {verb} " in (said := capsys.readouterr().err) and "did you mean --quiet?" in said


def test_no_words_show_the_help_and_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and "usage: drive" in capsys.readouterr().err
    assert main(["--version"]) == 0 and capsys.readouterr().out == f"drive {drive.__version__}\n"


@pytest.mark.parametrize(
    ("verb", "out"), [("plan", "file/plans.json"), ("plan", "folder"), ("eval", "file"), ("view", "file/page"), ("eval", "/proc/none")]
)
def test_places_that_take_no_results_are_named_before_the_work(
    verb: str, out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`nowhere` is no data set: that the place is complained of shows that it was looked at first."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    line = refused(capsys, verb, "nowhere", "--planner", "stand-still", "--out", str(tmp_path / out))
    assert line.startswith(f"drive {verb}: cannot write ") and (tmp_path / "file").read_text() == "kept"


def test_an_error_of_the_system_is_one_line_and_debug_shows_where(
    mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "plans.json"))

    monkeypatch.setattr("drive.eval.plans.save_plans", full)
    words = ["plan", str(mini), "--split", "stopped", "--planner", "stand-still", "--out", str(tmp_path / "plans.json")]
    assert "plans.json: the disk is full: free some space" in refused(capsys, *words)
    assert main([*words, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_rows_as_json_stand_alone_on_standard_output(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(mini), "--split", "stopped", "--json", "--out", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == json.loads((tmp_path / "report.json").read_text())["rows"]
    assert main(["plan", str(mini), "--split", "stopped", "--planner", "log", "--json", "--out", str(tmp_path / "p.json")]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 14 and sum(row["planned"] for row in rows) == 8
    assert main(["check", str(mini), "--json"]) == 0 and json.loads(capsys.readouterr().out) == []


def test_a_planners_traceback_is_shown_with_debug(
    mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raises_here.py").write_text("class Mine:\n    def plan(self, observation):\n        return None + 1  # the line\n")
    monkeypatch.chdir(tmp_path)
    words = ["plan", str(mini), "--limit", "2", "--planner", "raises_here:Mine", "-q"]
    assert main(words) == 1 and "the line" not in (said := capsys.readouterr()).err and "Mine: 0 of 2 samples planned" in said.out
    assert main([*words, "--debug"]) == 1 and "return None + 1  # the line" in capsys.readouterr().err


def test_nothing_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain_text("a\x1b[2Jb\n\tü\u202e\x9b") == "a\\x1b[2Jb\n\tü\\u202e\\x9b"
    line = refused(capsys, "eval", "\x1b]0;title\x07", "--planner", "stand-still")
    assert "\x1b" not in line and "\\x1b]0;title\\x07" in line
    PlainStream(sys.stdout).write("\r50 %\r")
    assert capsys.readouterr().out == "\r50 %\r"


def test_names_that_a_terminal_cannot_show_end_no_run() -> None:
    code = "from drive.cli import main; raise SystemExit(main(['check', '/no/\u00fc\u4e2d']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONIOENCODING": "ascii"}, timeout=60)
    assert done.returncode == 2 and b"\\xfc\\u4e2d: no such folder" in done.stderr


def test_did_you_mean_is_silent_where_nothing_is_near() -> None:
    assert did_you_mean("xyz", ["town", "village"]) == ""


def test_completion_knows_every_verb_and_option_and_is_a_script() -> None:
    done = subprocess.run(["bash", "-n"], input=script(), text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ask = 'COMP_WORDS=(drive {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _drive; echo "${{COMPREPLY[@]}}"'
    answers = []
    for words in ("ev", "sim --pla", "sim --traffic re", "view --planner first-d", "train warp", "eval data/mi"):
        text = script() + ask.format(words=words)
        answers.append(subprocess.run(["bash"], input=text, text=True, capture_output=True, timeout=60).stdout.strip())
    assert answers == ["eval", "--planner", "reactive replay", "first-drive", "warp-real", ""]
    assert set(VERBS) <= set(script().split('compgen -W "')[1].split('"')[0].split()) and make_parser().prog == "drive"


@pytest.mark.parametrize(("to", "status", "message"), [("/dev/full", 2, "drive check: the disk is full"), ("head", 1, "")])
def test_output_that_is_taken_by_nobody_is_no_traceback(to: str, status: int, message: str, mini: Path) -> None:
    call = [sys.executable, "-m", "drive", "check", str(mini), "-q"]
    reader, writer = os.pipe()
    os.close(reader)
    target = writer if to == "head" else os.open(to, os.O_WRONLY)
    done = subprocess.run(call, stdout=target, stderr=subprocess.PIPE, text=True, timeout=60, cwd=Path(drive.__file__).parents[1])
    assert done.returncode == status and done.stderr.startswith(message) and len(done.stderr.splitlines()) == bool(message)


@pytest.mark.parametrize("words", ["-q check DATA", "check DATA -q -q", "-qq check DATA", "-q check -q DATA", "--debug check DATA --quiet"])
def test_quiet_and_debug_stand_before_the_verb_or_after_it(words: str, mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("drive.cli.check.run", lambda args: seen.append((args.quiet, args.debug)))
    assert main([str(mini) if word == "DATA" else word for word in words.split()]) == 0
    assert seen == [(True, "--debug" in words)]


def test_values_of_a_configuration_come_with_a_space_or_an_equals_sign(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("--seed", "4"), ("--seed=4",)):
        assert main(["train", "first-drive", "--print-config", *words]) == 0
        assert "seed: 4\n" in capsys.readouterr().out
