"""Over HTTP: our planners for others, others' for us, byte-equal to the same in process; pages of a browser and nonsense are refused."""

from __future__ import annotations

import http.client
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drive.planners.remote.drive_client as client
from drive.asking import Refusal, asked, plan_all, spec_of
from drive.baselines import ConstantVelocity
from drive.data.dataset import open_dataset
from drive.planners.check import _same
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.planners.remote.planner import RemoteError, RemotePlanner
from drive.planners.remote.serving import server_of
from drive.planners.remote.web import Web
from drive.schema import Degraded, Observation, Plan, Planner, Window
from tests.model.conftest import TINY, make_network, make_observation
from tests.planners.children import CONSTANT_VELOCITY, SERVE, command

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(planner: Planner) -> Iterator[str]:
    """A planner's address while it is served."""
    with server_of(planner) as server, client.http_server(server, 0) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{made.server_address[1]}"
        finally:
            made.shutdown()
            thread.join()


def asking(url: str, plan_s: float = 20.0) -> RemotePlanner:
    return RemotePlanner(Web(url), 20.0, plan_s)


def test_a_network_that_is_served_plans_to_the_bit_as_here() -> None:
    network = NetworkPlanner(make_network())
    with serving(network) as url:
        planner = asking(url)
        assert (planner.name, planner.spec) == (network.name, network.spec)
        for observation in (make_observation(1), make_observation(2, cameras=3, frames=2)):
            theirs, ours = planner.plan(observation, 5), network.plan(observation, 5)
            assert theirs.trajectories.tobytes() == ours.trajectories.tobytes() and theirs.text == ours.text
            assert theirs.log_probs is not None and np.array_equal(theirs.log_probs, ours.log_probs)
        planner.close()


class Doubtful:
    """Says of itself what it is told."""

    name = "doubtful"

    def __init__(self, degraded: Degraded | None) -> None:
        self.degraded = degraded

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        return Plan(np.zeros((samples, len(observation.future_times_s), 3)), observation.future_times_s, degraded=self.degraded)


@pytest.mark.parametrize("told", [None, Degraded(0.0), Degraded(0.875, ("blurred: CAM_FRONT", "times: 1 s old"), "stop")])
def test_what_a_planner_could_see_travels(told: Degraded | None) -> None:
    with serving(Doubtful(told)) as url:
        planner = asking(url)
        assert planner.plan(make_observation(1)).degraded == told
        planner.close()
        given = client.connect(url).plan(make_observation(1)).degraded
        assert given == (None if told is None else told.to_json())


def test_planners_of_before_say_nothing_of_it_and_nonsense_is_named(tmp_path: Path) -> None:
    observation = make_observation(1)
    with serving(Doubtful(None)) as url:
        planner = asking(url)
        plan = {"trajectories": np.zeros((1, 6, 3)), "times_s": observation.future_times_s, "log_probs": None, "text": None}
        planner._answer = lambda *told: plan  # type: ignore[method-assign, assignment]
        assert planner.plan(observation).degraded is None
        plan["degraded"] = {"probability": 7}
        with pytest.raises(RemoteError, match="from 0 to 1"):
            planner.plan(observation)
        planner.close()


def test_constant_velocity_on_a_server_of_the_client_plans_to_the_bit_as_here(embedded: Path, tmp_path: Path) -> None:
    call = shlex.split(command(tmp_path, CONSTANT_VELOCITY + SERVE.replace("()", "(), port=0")))
    with subprocess.Popen(call, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr
        planner, dataset = asking(served.stderr.readline().strip()), open_dataset(embedded, maps=False)
        theirs = plan_all(lambda sample: planner.plan(sample.observation, 2), dataset)
        served.kill()
    ours = plan_all(lambda sample: ConstantVelocity().plan(sample.observation, 2), dataset)
    assert theirs[1] == ours[1] and list(theirs[0]) == list(ours[0]) and planner.name == "theirs"
    assert all(theirs[0][token].trajectories.tobytes() == plan.trajectories.tobytes() for token, plan in ours[0].items())
    planner.close()


def test_answers_of_a_network_that_is_served_are_those_that_it_gives_here(embedded: Path) -> None:
    ours = load_planner("first-answers")
    (sample,) = open_dataset(embedded, split="val", limit=1, window=spec_of(ours).window or Window(), maps=False)
    requests = ["see>plan", "boxes", "roads", "ask(how fast are we driving?)", "describe", "plan:text"]
    with serving(ours) as url:
        planner = asking(url)
        assert planner.spec == ours.spec
        theirs, here = planner.answer(sample.observation, requests, 2), ours.answer(sample.observation, requests, 2)
        assert set(theirs.values) == set(here.values) and theirs.failures == here.failures and len(here.values) >= 4
        for request, values in here.values.items():
            assert _same(theirs.values[request], values), request
            assert np.array_equal(theirs.log_probs[request], here.log_probs[request])
        question = "ask(how fast are we driving?)"
        light = client.connect(url).answer(sample.observation, question)
        assert light.values[question] == [ours.answer(sample.observation, [question]).best(question).to_json()]
        with pytest.raises(client.PlanError, match="raised ValueError: .*did you mean plan"):
            client.connect(url).answer(sample.observation, "plam")
        planner.close()


def test_pictures_of_a_data_set_go_as_the_files_they_are(embedded: Path, tmp_path: Path) -> None:
    """Whoever reads a JPEG file at a fraction of its size sees other pixels than whoever shrinks the whole picture."""
    ours = load_planner("first-drive")
    dataset = open_dataset(embedded, split="val", limit=3, window=TINY.window, maps=False)
    with serving(ours) as url:
        planner = asking(url)
        assert plan_all(lambda s: planner.plan(s.observation), dataset)[0]
        for sample in dataset:
            assert planner.plan(sample.observation).trajectories.tobytes() == ours.plan(sample.observation).trajectories.tobytes()
        (tmp_path / "broken.jpg").write_bytes(b"no picture")
        for name in ("gone.jpg", "broken.jpg"):
            broken = _with_picture(sample.observation, tmp_path / name)
            told = [asked(partial(one.plan, broken)) for one in (planner, ours)]
            theirs, here = (one.reason.partition(" (")[0] for one in told if isinstance(one, Refusal))
            assert theirs == here and theirs.endswith(str(tmp_path / name))
        planner.close()


def _with_picture(observation: Observation, path: Path) -> Observation:
    frame = observation.frames[-1]
    return replace(observation, frames=(replace(frame, cameras=tuple(replace(view, image=path) for view in frame.cameras)),))


def test_their_simulator_asks_ours_with_the_client_alone() -> None:
    observation = make_observation()
    with serving(ConstantVelocity()) as url:
        connection = client.connect(url)
        assert connection.name == "constant-velocity" and connection.about["pictures"] == "unused"
        assert np.array_equal(connection.plan(observation, 2).trajectories, ConstantVelocity().plan(observation, 2).trajectories)
        with pytest.raises(client.PlanError, match="neither a pose before t0 nor a speed"):
            connection.plan(replace(observation, past=replace(observation.past, valid=np.zeros(5, dtype=bool)), speed_mps=None))
        with pytest.raises(client.PlanError, match="wrong no observation: ValueError: command is one of left, straight, right or null"):
            connection.plan(replace(observation, command="up"))  # type: ignore[arg-type]
        for changes, message in (
            ({"future_times_s": np.array([1.0, 0.5])}, "future_times_s ascend from above 0"),
            ({"past": replace(observation.past, poses=observation.past.poses[:2])}, "past.poses is a finite array of shape"),
        ):
            with pytest.raises(client.PlanError, match=message):
                connection.plan(replace(observation, **changes))
        assert len(connection.plan(observation).trajectories) == 1
    with pytest.raises(ValueError, match="expected http://HOST:PORT"):
        client.connect("ftp://here")


def test_a_connection_that_was_closed_while_idle_is_no_failure_and_a_server_that_came_back_is_counted() -> None:
    observation = make_observation()
    with serving(ConstantVelocity()) as url:
        planner = asking(url)
        assert planner.transport.socket  # type: ignore[union-attr]
        planner.transport.socket.shutdown(socket.SHUT_RD)  # type: ignore[union-attr]
        assert len(planner.plan(observation).best) == 6 and planner.restarts == 0
    planner.close()
    refusal = asked(lambda: planner.plan(observation))
    assert isinstance(refusal, Refusal) and "failed: does not answer (Connection refused)" in refusal.reason
    with serving(ConstantVelocity()) as other:
        planner.transport.address = ("127.0.0.1", int(other.rpartition(":")[2]))  # type: ignore[union-attr]
        assert len(planner.plan(observation).best) == 6 and planner.restarts == 1
        planner.close()


ANSWERS = {
    "no HTTP answer: 'SSH-2.0": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "without a Content-Length of at most nine digits, got ''": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "at most nine digits, got '99999999999'": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    "answers with HTTP status 404 Not Found: no such page": b"HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\nno such page",
    "longer than its Content-Length of 4": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x93DRIVE\r\n",
    "is no beginning of a message": b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + b"<html>a page of something</html>",
    "closed the connection": b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n\x93DRI",
    "no HTTP answer: b'xxxxx": b"x" * (1 << 17),
}


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Somebody who answers every connection's first bytes so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    data = b""
                    while b"hello" not in data:
                        data += connection.recv(1 << 16)
                    answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("message", ANSWERS)
def test_servers_of_something_else_are_named(message: str) -> None:
    with answering(lambda connection: connection.sendall(ANSWERS[message])) as url, pytest.raises(ValueError) as told:
        asking(url)
    assert message in str(told.value) and url in str(told.value)


def test_a_server_that_drips_is_no_way_to_hang() -> None:
    def drip(connection: socket.socket) -> None:
        try:
            for _ in range(100):
                connection.sendall(b"H")
                time.sleep(0.05)
        except OSError:
            pass

    began = time.monotonic()
    with answering(drip) as url, pytest.raises(ValueError, match="no answer within 0.5 s"):
        RemotePlanner(Web(url), 0.5, 0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("spec", ["https://127.0.0.1:1", "http://", "http://a:b", "http://user@127.0.0.1:1", "http://127.0.0.1:99999"])
def test_addresses_that_are_none_are_named(spec: str) -> None:
    with pytest.raises(ValueError, match="http"):
        load_planner(spec)


def test_nobody_at_an_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ValueError, match=f"the server at http://127.0.0.1:{port} failed: does not answer .Connection refused"):
        load_planner(f"http://127.0.0.1:{port}")


def test_pages_of_a_browser_and_nonsense_are_refused_and_others_go_on() -> None:
    hello = b"".join(client.pack({"ask": "hello", "id": 1}))
    usual = {"Content-Type": client.CONTENT}
    with serving(ConstantVelocity()) as url:
        host = url.removeprefix("http://")

        def status(body: bytes, headers: dict[str, str], method: str = "POST") -> int:
            connection = http.client.HTTPConnection(host, timeout=10)
            connection.request(method, "/", body, headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status

        assert status(hello, usual) == 200
        assert status(hello, {"Content-Type": "text/plain"}) == 403
        assert status(hello, {**usual, "Host": "evil.example:8400"}) == 403
        assert status(hello, {**usual, "Content-Length": "x"}) == 411
        assert status(hello + b"more", usual) == 400 and status(b"nonsense" * 9, usual) == 400
        assert status(hello[:-2], {**usual, "Content-Length": str(len(hello) - 2)}) == 400
        assert status(b"", {}, "GET") == 501
        assert status(hello, usual) == 200


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_drive_serve_on_a_pipe_and_over_http(how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    words = [sys.executable, "-m", "drive", "serve", "--planner", "constant-velocity", "-q"]
    observation = make_observation()
    ours = ConstantVelocity().plan(observation).best.tolist()
    piped = load_planner("exec:" + " ".join([*words, "--pipe"]))
    assert isinstance(piped, RemotePlanner) and piped.plan(observation).best.tolist() == ours
    piped.close()
    served = subprocess.Popen([*words, "--port", "0"], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert served.stderr
        line = served.stderr.readline()
        url = line.split()[2]
        assert line == f"constant-velocity at {url} (Ctrl-C ends it)\n"
        planner: Any = load_planner(url)
        assert planner.plan(observation).best.tolist() == ours
        planner.close()
        before = set(Path(tempfile.gettempdir()).glob("drive-*"))
        served.send_signal(how)
        assert served.wait(20) == 0 and set(Path(tempfile.gettempdir()).glob("drive-*")) < before
    finally:
        served.kill()
        served.wait()
