"""Planners in processes of their own: the same plans as in process; whatever a process does is a reason, and a new start."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.answers.ask import yes_no
from drive.asking import Refusal, asked, gives_plans, notes_of, plan_all
from drive.baselines import ConstantVelocity
from drive.cli import main
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.planners.check import check_planner
from drive.planners.load import load_planner, load_sim_planner
from drive.planners.remote.planner import RemoteError, RemotePlanner
from drive.planners.remote.process import Process
from drive.schema import Degraded, Observation, Plan, PlanError, PlannerSpec, Window
from tests.model.conftest import make_observation
from tests.planners.children import CONSTANT_VELOCITY, SERVE, child, command


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RemotePlanner]]:
    """Starts planners of scripts, and ends them."""
    started: list[RemotePlanner] = []

    def make(source: str, **limits: float) -> RemotePlanner:
        started.append(child(tmp_path, source, **limits))
        return started[-1]

    yield make
    for planner in started:
        planner.close()


def test_constant_velocity_in_a_process_plans_to_the_bit_as_here(start: Callable[..., RemotePlanner], embedded: Path) -> None:
    planner, dataset = start(CONSTANT_VELOCITY + "    pictures = 'unused'\n" + SERVE), open_dataset(embedded, maps=False)
    assert planner.name == "theirs" and planner.spec == PlannerSpec(pictures="unused")
    theirs = plan_all(lambda sample: planner.plan(sample.observation, 2), dataset)
    ours = plan_all(lambda sample: ConstantVelocity().plan(sample.observation, 2), dataset)
    assert list(theirs[0]) == list(ours[0]) and theirs[1] == ours[1] and len(ours[1]) == 8
    for token, plan in ours[0].items():
        assert theirs[0][token].trajectories.tobytes() == plan.trajectories.tobytes()
        assert theirs[0][token].times_s.tobytes() == plan.times_s.tobytes()


SIGHT = """
import drive_client

class Planner:
    name, pictures = "sight", "needed"
    window = {"past_s": 2.0, "future_s": 3.0, "rate_hz": 2.0, "frames": 2}

    def plan(self, observation, samples=1):
        light = [float(view.image.astype("float64").mean()) for frame in observation.frames for view in frame.cameras]
        rows = [[t * sum(light), observation.speed_mps or 0.0, 0.0] for t in observation.future_times_s]
        many = [[[x + k, y, h] for x, y, h in rows] for k in range(samples)]
        return drive_client.Plan(many, log_probs=[-float(k) for k in range(samples)], text="light", degraded={"probability": 0.5})
"""


class Sight:
    """The same planner here."""

    name, spec = "sight", PlannerSpec(Window(frames=2), "needed")

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        light = [float(read_image(view)[1].astype("float64").mean()) for frame in observation.frames for view in frame.cameras]
        rows = [[t * sum(light), observation.speed_mps or 0.0, 0.0] for t in observation.future_times_s]
        many = np.array(rows)[None] + np.arange(samples)[:, None, None] * np.array([1.0, 0.0, 0.0])
        return Plan(many, observation.future_times_s, -np.arange(samples, dtype=np.float64), "light")


def test_pictures_samples_and_text_arrive(start: Callable[..., RemotePlanner], embedded: Path) -> None:
    planner, here = start(SIGHT + SERVE), Sight()
    assert planner.spec == here.spec
    for sample in open_dataset(embedded, split="val", limit=3, window=Window(frames=2), maps=False):
        theirs, ours = planner.plan(sample.observation, 3), here.plan(sample.observation, 3)
        assert theirs.trajectories.tobytes() == ours.trajectories.tobytes() and theirs.text == ours.text == "light"
        assert theirs.log_probs is not None and theirs.log_probs.tolist() == [0.0, -1.0, -2.0]
        assert theirs.degraded == Degraded(0.5)
    gone = replace(sample.observation.frames[0].cameras[0], image=Path("gone.jpg"))
    broken = replace(sample.observation, frames=(replace(sample.observation.frames[0], cameras=(gone,)),))
    here_says, theirs_say = (asked(lambda planner=one: planner.plan(broken)) for one in (here, planner))
    assert isinstance(here_says, Refusal) and here_says == theirs_say and "gone.jpg" in here_says.reason


def test_a_planner_in_a_process_keeps_the_contract(start: Callable[..., RemotePlanner]) -> None:
    check_planner(start(SIGHT + SERVE), [make_observation(seed, frames=2) for seed in range(2)])


# What a child does instead of a plan, what is told of it, and whether it was lost by that.
MISDEEDS = {
    "exits": ("print('no memory', file=sys.stderr); os._exit(3)", r"its process ended with status 3; it said last: no memory", True),
    "is killed": ("os.kill(os.getpid(), 9)", r"was ended by SIGKILL \(out of memory\?\)", True),
    "is silent": ("time.sleep(60)", r"process gave no answer within 0.5 s \(DRIVE_PLANNER_PLAN_S sets the limit\)", True),
    "prints among messages": ("os.write(pipe, b'Epoch 1: loss 0.5\\n'); time.sleep(60)", r"b'Epoch 1:' is no beginning", True),
    "begins and stops": ("os.write(pipe, b'Epo'); time.sleep(60)", r"after b'Epo', which is no message", True),
    "announces too much": ("os.write(pipe, MAGIC + LENGTHS.pack(1, 2, 2**40)); time.sleep(60)", r"a body of 1099511627776", True),
    "lies on its size": ("say({'id': 0}, b'12345678'); time.sleep(60)", r"a body of 8 bytes does not hold arrays \[\]", True),
    "answers another message": ("say({'id': 7}); time.sleep(60)", r"the answer to message 7, asked was 2", True),
    "speaks another version": ("os.write(pipe, MAGIC + LENGTHS.pack(2, 0, 0)); time.sleep(60)", r"version 2 of the protocol", True),
    "closes its pipe": ("os.close(pipe); time.sleep(60)", r"closed its end of the pipe", True),
    "gives NaN": ("return [[float('nan')] * 3] * 6", r"answered with no plan \(ValueError: trajectories hold NaN", False),
    "gives two columns": ("return [[0.0, 0.0]] * 6", r"must be \[K >= 1, T, 3\] .* got shape \(1, 6, 2\)", False),
    "gives words": ("return 'straight on'", r"raised (ValueError|TypeError)", False),
    "gives nothing": ("return None", r"^returned nothing$", False),
    "raises": ("raise KeyError('lane')", r"^raised KeyError: 'lane'$", False),
    "leaves": ("raise SystemExit(1)", r"^raised SystemExit: 1$", False),
    "refuses": ("raise drive_client.PlanError('too dark')", r"^too dark$", False),
}
MISDEED = """
import json, os, sys, time
import drive_client
from drive_client import LENGTHS, MAGIC

pipe = drive_client._pipes[1].fileno()

def say(message, body=b""):
    head = json.dumps({"arrays": [], "message": message}).encode()
    os.write(pipe, MAGIC + LENGTHS.pack(1, len(head), len(body)) + head + body)

class Planner:
    name, pictures = "theirs", "unused"

    def plan(self, observation):
        if observation.token == "token-1":
            return [[1.0, 2.0, 0.0]] * 6
        DEED
"""


@pytest.mark.parametrize("deed", MISDEEDS)
def test_what_a_process_does_fails_one_plan_and_no_other(deed: str, start: Callable[..., RemotePlanner]) -> None:
    does, told, lost = MISDEEDS[deed]
    planner = start(MISDEED.replace("DEED", does) + SERVE, plan_s=0.5)
    began = time.monotonic()
    refusal = asked(lambda: planner.plan(make_observation(0)))
    assert isinstance(refusal, Refusal) and re.search(told, refusal.reason), refusal
    assert time.monotonic() - began < 10 and ("in plan\n" in refusal.traceback) == (deed in ("raises", "leaves"))
    planner.plan_s = 20.0
    assert planner.plan(make_observation(1)).best.tolist() == [[1.0, 2.0, 0.0]] * 6
    assert planner.restarts == lost
    assert notes_of(planner) == (("its process was lost and started again 1 time",) if lost else ()) and notes_of(planner) == ()


ODD = "import drive_client\nclass Planner:\n    {}\n    def plan(self, observation):\n        return None\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise SystemExit('no weights at model.pth')", "its process ended with status 1; it said last: no weights at model.pth"),
        ("import drive_client", "ended with status 0 before it answered anything: a planner's script must call drive_client.serve"),
        ("print('loading ...')", "b'loading ' is no beginning of a message"),
        ("import time; time.sleep(60)", "no answer within 1 s .DRIVE_PLANNER_START_S"),
        (ODD.format("pictures = 'some'") + SERVE, "pictures are needed, taken or unused, got 'some'"),
        (ODD.format("window = {'frames': 9}") + SERVE, "frames must be 1 to 4"),
        (ODD.format("window = {'hz': 9}") + SERVE, "unexpected keyword argument 'hz'"),
        (ODD.format("camera_names = [3]") + SERVE, "cameras are a list of names"),
        (ODD.format("tasks = ['plam']") + SERVE, "did you mean plan?"),
        (ODD.format("name = 'a' * 101") + SERVE, "a name has 1 to 100 letters"),
    ],
)
def test_what_does_not_start_is_wrong_input(source: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        child(tmp_path, source, start_s=1.0 if "sleep" in source else 20.0)


def test_commands_and_limits_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec, message in (("exec:no-such-command x", "no command 'no-such-command'"), ("exec:", "expected exec:COMMAND")):
        for load in (load_planner, load_sim_planner):
            with pytest.raises(ValueError, match=message):
                load(spec)
    monkeypatch.setenv("DRIVE_PLANNER_PLAN_S", "soon")
    with pytest.raises(ValueError, match="DRIVE_PLANNER_PLAN_S is a number of seconds above 0 and up to a day, got 'soon'"):
        load_planner(f"exec:{sys.executable} -c 0")


def test_what_starts_no_more_is_not_tried_for_every_sample(start: Callable[..., RemotePlanner], tmp_path: Path) -> None:
    once = "import os\nif os.path.exists('OVER'): raise SystemExit('the license is over')\nopen('OVER', 'w')\n"
    source = once.replace("OVER", str(tmp_path / "over")) + MISDEED.replace("DEED", "os._exit(1)") + SERVE
    planner = start(source)
    reasons = [asked(lambda: planner.plan(make_observation(0))).reason for _ in range(5)]  # type: ignore[union-attr]
    assert "status 1" in reasons[0] and all("the license is over" in reason for reason in reasons[1:4])
    assert reasons[4] == "not started again: that failed 3 times in a row" and planner.restarts == 3


def test_a_deadline_of_ours_ends_the_process_and_no_late_answer_is_taken(start: Callable[..., RemotePlanner]) -> None:
    planner = start(MISDEED.replace("DEED", "time.sleep(1.0); return [[9.0, 9.0, 0.0]] * 6") + SERVE)

    class Late(BaseException):
        pass

    def late(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Late):
            planner.plan(make_observation(0))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert planner.plan(make_observation(1)).best[0].tolist() == [1.0, 2.0, 0.0] and planner.restarts == 1


TALKS = """
import drive_client

class Planner:
    name, pictures, tasks = "talks", "unused", ["ask", "boxes:8", "describe"]

    def answer(self, observation, requests):
        if observation.token == "token-9":
            raise drive_client.PlanError("no comment")
        yes = {"kind": "yes_no", "value": True}
        return {request: [yes] if request.startswith("ask") else [{"boxes": "many"}] for request in requests if request != "describe"}
"""


def test_a_planner_that_answers_and_gives_no_plans(start: Callable[..., RemotePlanner], embedded: Path, tmp_path: Path) -> None:
    planner = start(TALKS + SERVE)
    assert not gives_plans(planner) and planner.spec.tasks == ("ask", "boxes:8", "describe")
    told = planner.answer(make_observation(), "ask(may I go?),boxes:8,describe")
    assert told.best("ask(may I go?)") == yes_no(True) and "what is no answer of boxes:8" in told.failures["boxes:8"]
    assert set(told.values) | set(told.failures) == {"ask(may I go?)", "boxes:8"}
    with pytest.raises(PlanError, match="^no comment$"):
        planner.answer(make_observation(9), ["ask(may I go?)"])
    with pytest.raises(RemoteError, match="answered with no plan .it cannot be asked 'plan'"):
        planner.plan(make_observation())
    assert planner.restarts == 0
    spec = "exec:" + command(tmp_path, TALKS + SERVE)
    assert main(["ask", str(embedded), "may I go?", "--planner", spec, "--limit", "1", "-q"]) == 0


def test_one_process_serves_all_who_name_it_and_ends_when_told(tmp_path: Path) -> None:
    spec = "exec:" + command(tmp_path, CONSTANT_VELOCITY + SERVE)
    planner = load_planner(spec)
    assert isinstance(planner, RemotePlanner) and load_sim_planner(spec) is planner and load_planner(f"black:{spec}").name == "theirs-black"
    assert isinstance(planner.transport, Process) and planner.transport.child is not None
    process = planner.transport.child
    planner.close()
    assert process.returncode == 0
    assert len(planner.plan(make_observation()).best) == 6 and planner.restarts == 0


PARENT = """
import sys, threading
from drive.planners.load import load_planner
from tests.model.conftest import make_observation
planner = load_planner(sys.argv[1])
print(planner.transport.child.pid, flush=True)
if sys.argv[2] == "asks":
    planner.plan(make_observation())
print(sys.stdin.read())
"""


@pytest.mark.parametrize("how", ["waits", "asks", "end"])
def test_processes_end_with_their_parent_however_that_ends(how: str, tmp_path: Path) -> None:
    spec = "exec:" + command(tmp_path, MISDEED.replace("DEED", "time.sleep(300)") + SERVE)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, spec, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin and parent.stdout
    pid = int(parent.stdout.readline())
    if how == "end":
        parent.stdin.close()
    else:
        time.sleep(0.3)
        parent.kill()
    parent.wait(30)
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_planner_started_ends_with_it(start: Callable[..., RemotePlanner], tmp_path: Path) -> None:
    source = f"import subprocess\nopen({str(tmp_path / 'heir')!r}, 'w').write(str(subprocess.Popen(['sleep', '300']).pid))\n"
    planner = start(source + MISDEED.replace("DEED", "os._exit(1)") + SERVE)
    heir = int((tmp_path / "heir").read_text())
    assert _runs(heir)
    with pytest.raises(RemoteError, match="status 1"):
        planner.plan(make_observation())
    time.sleep(0.1)
    assert not _runs(heir)


def test_scores_say_how_often_a_planner_was_lost(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dies = CONSTANT_VELOCITY.replace("    def plan(", "    pictures, asked = 'unused', 0\n    def plan(").replace(
        "        past =", "        self.asked += 1\n        if self.asked == 3: raise_out()\n        past ="
    )
    spec = "exec:" + command(tmp_path, "import os\ndef raise_out(): os._exit(5)\n" + dies + SERVE)
    words = [str(mini), "--split", "stopped", "--planner", spec, "-q", "--out"]
    assert main(["eval", *words, str(tmp_path / "scores")]) == 1
    told = capsys.readouterr().out
    assert re.search(r"theirs: its process was lost and started again \d+ times?\n", told) and "ended with status 5" in told
    assert "its process was lost and started again" in (tmp_path / "scores" / "report.json").read_text()
    assert main(["plan", *words, str(tmp_path / "plans.json")]) == 1
    assert "theirs: its process was lost and started again" in capsys.readouterr().out


def test_eval_and_view_show_to_the_bit_what_they_show_of_the_same_planner_here(embedded: Path, tmp_path: Path) -> None:
    named = CONSTANT_VELOCITY.replace('name = "theirs"', 'name = "constant-velocity"')
    spec = "exec:" + command(tmp_path, named + SERVE)
    part = [str(embedded), "--split", "val", "-q"]
    assert main(["eval", *part, "--planner", spec, "--out", str(tmp_path / "eval")]) == 1  # the first sample of a scene has no past
    rows = json.loads((tmp_path / "eval" / "report.json").read_text())["rows"]
    theirs = [row for row in rows if row["planner"] == "constant-velocity (2)"]
    assert theirs and [row | {"planner": "constant-velocity"} for row in theirs] == [r for r in rows if r["planner"] == "constant-velocity"]
    pictures = []
    for name, folder in ((spec, "theirs"), ("constant-velocity", "ours")):
        assert main(["view", *part, "--limit", "3", "--planner", name, "--out", str(tmp_path / folder)]) in (0, 1)
        pictures.append({path.name: path.read_bytes() for path in sorted((tmp_path / folder).glob("*.png"))})
    assert len(pictures[0]) == 3 and pictures[0] == pictures[1]


def test_the_page_on_own_planners_says_what_happens(tmp_path: Path, embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "own-planner.md").read_text()
    (source,) = re.findall(r"```python my_planner.py\n(.*?)```", page, re.DOTALL)
    (told,) = re.findall(r"```text\n(mine: .*?)```", page, re.DOTALL)
    spec = "exec:" + command(tmp_path, source, "my_planner.py")
    assert main(["plan", str(embedded), "--planner", spec, "--limit", "20", "--out", str(tmp_path / "plans.json"), "-q"]) == 1
    assert capsys.readouterr().out.replace(str(tmp_path) + "/", "") == told


def test_environment_and_folder_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_SOMEBODY", "here")
    monkeypatch.chdir(tmp_path)
    source = "import os\nimport drive_client\nclass Planner:\n    name = os.environ['OF_SOMEBODY'] + os.getcwd()[-4:]\n    plan = print\n"
    command(tmp_path, source + SERVE, "mine.py")
    assert load_planner(f"exec:{sys.executable} mine.py").name == "here" + os.getcwd()[-4:]


def test_plan_error_stays_one() -> None:
    assert issubclass(RemoteError, PlanError) and RemoteError("x" * 9999).args[0] == "x" * 2000
