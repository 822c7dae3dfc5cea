"""`drive view`: files, page and failures of a run; on the real sets through the command itself."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from known_scene import make_camera

from drive.cli import main
from drive.progress import Progress
from drive.schema import PlanError
from drive.viz import view as view_module
from drive.viz.frame import HEIGHT, WIDTH
from drive.viz.view import choose_samples, view

NAME = "../<b>scene</b> & co"


@pytest.fixture
def samples(make_sample):
    return [make_sample([make_camera(0), make_camera(180)], scene=NAME, index=i) for i in range(3)]


def test_view_writes_pictures_video_and_a_page_of_its_own(tmp_path, samples, plan):
    def plan_of(sample):
        if sample.index == 1:
            raise PlanError("no <pose> before t0")
        return plan

    lines = io.StringIO()
    with Progress(lines) as progress:
        made = view(samples[:2], tmp_path / "out", plan_of, "ours", [samples], title="t", progress=progress)
    assert made.failures == {samples[1].token: "no <pose> before t0"}
    assert all(p.parent == tmp_path / "out" for p in (*made.pictures, *made.videos, made.page))
    assert [cv2.imread(str(p)).shape for p in made.pictures] == [(HEIGHT, WIDTH, 3)] * 2
    with av.open(str(made.videos[0])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3 and container.streams.video[0].average_rate == 2
    html = made.page.read_text()
    sources = re.findall(r'src="([^"]{0,30})', html)
    assert len(sources) == 3 and all(s.startswith("data:") for s in sources)
    assert "<b>scene" not in html and "&lt;b&gt;scene" in html and "no &lt;pose&gt; before t0" in html
    assert "ends 3.00 m from the recorded drive after 3 s" in html
    told = [line for line in lines.getvalue().splitlines() if "so far" not in line]  # progress, where the machine is slow
    assert len(told) == 3


def test_attention_of_the_first_planned_sample_is_drawn(tmp_path, samples, plan):
    asked = []

    def plan_of(sample):
        if sample.index == 0:
            raise PlanError("none")
        return plan

    def attention_of(sample):
        asked.append(sample.index)
        return np.tri(3, dtype=bool), ["frame", "frame", "plan"]

    made = view(samples, tmp_path, plan_of, "ours", attention_of=attention_of)
    assert asked == [1] and made.pictures[-1] == tmp_path / "attention.png"
    assert cv2.imread(str(made.pictures[-1])).std() > 10 and "Who attends to whom" in made.page.read_text()
    assert not (view(samples, tmp_path / "no", None, attention_of=attention_of).page.parent / "attention.png").exists()


def test_whatever_a_planner_raises_is_a_failure_with_its_name(tmp_path, samples):
    made = view(samples[:1], tmp_path, lambda sample: 1 / 0, "ours")
    assert made.failures == {samples[0].token: "raised ZeroDivisionError: division by zero"}


def test_scenes_share_scale_and_ground(tmp_path, samples, monkeypatch):
    looks = []
    monkeypatch.setattr(view_module, "draw_frame", lambda *args: looks.append(args[3]) or np.zeros((4, 4, 3), dtype=np.uint8))
    other = replace(samples[0], scene="other")
    view([*samples, other], tmp_path)
    assert looks[0] is looks[1] is looks[2] and looks[3] is not looks[0]


def test_samples_with_pictures_on_disk_are_chosen_and_spread(samples, make_sample):
    blank = make_sample([make_camera(0)], [Path("nowhere.jpg")], index=9)
    assert choose_samples([blank, samples[0], blank, samples[1]]) == [samples[0].token, samples[1].token]
    assert choose_samples([blank]) == [blank.token]
    many = [make_sample([make_camera(0)], index=i) for i in range(20)]
    assert choose_samples([blank, *many], most=4) == [many[i].token for i in (2, 7, 12, 17)]
    with pytest.raises(ValueError, match="no samples"):
        choose_samples([])


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, samples):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ValueError, match="cannot write into .*taken"):
        view(samples, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_scene_names_that_differ_keep_different_files(tmp_path, make_sample):
    cameras = [make_camera(0)]
    made = view([make_sample(cameras, scene=name) for name in ("a/b", "a_b", "a b")], tmp_path)
    assert len({p.name for p in made.pictures}) == 3 == len(list(tmp_path.glob("*.png")))


@pytest.mark.real
def test_command_on_real_frames(tmp_path, real_data, capsys):
    assert main(["view", str(real_data / "pandaset-002"), "--limit", "2", "--planner", "log", "--out", str(tmp_path / "v")]) == 0
    assert (tmp_path / "v" / "index.html").stat().st_size > 100_000
    assert "page: " in capsys.readouterr().out
    picture = cv2.imread(str(tmp_path / "v" / "pandaset-002_001.png"))
    assert picture.std() > 40
    assert main(["view", str(real_data / "pandaset-002"), "--sample", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert main(["view", str(real_data / "pandaset-002"), "--planner", "log", "--plans", "x.json"]) == 2


@pytest.mark.real
def test_missing_pictures_are_counted(tmp_path, real_data, capsys):
    arguments = ["--split", "scene-0916", "--limit", "1", "--out", str(tmp_path)]
    assert main(["view", str(real_data / "nuscenes-mini"), *arguments]) == 0
    assert "1 of 1 samples lack pictures on disk" in capsys.readouterr().out
