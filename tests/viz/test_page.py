"""The page: self-contained, escaped, readable by a parser as what was put in."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from drive.viz.page import Beside, Heading, Image, Numbers, Table, Text, Video, encode_picture, page_html, write_page

HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & <img src=http://example.org/x.png onerror=x()>"


class Reader(HTMLParser):
    """Collects tags with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_page_asks_for_nothing_outside_itself(tmp_path, picture):
    mp4 = b"\x00\x00\x00\x20ftypisom" + bytes(20)
    blocks = [Heading("h"), Text("one\n\ntwo"), Image(picture, "c"), Image(encode_picture(picture, photo=True)), Video(mp4, "v")]
    blocks.append(Beside([(encode_picture(picture), "left"), (encode_picture(picture, photo=True), "right")], "both"))
    path = write_page(tmp_path / "deep" / "index.html", "Title", blocks, "lead")
    reader = Reader(path.read_text())
    assert "http:" not in path.read_text() and "https:" not in path.read_text() and "url(" not in path.read_text()
    assert not reader.all("script") and not reader.all("link") and not reader.all("iframe")
    sources = [a["src"] for _, a in reader.tags if "src" in a]
    kinds = [source.split(";")[0].removeprefix("data:") for source in sources]
    assert kinds == ["image/png", "image/jpeg", "video/mp4", "image/png", "image/jpeg"]
    assert [a["alt"] for a in reader.all("img")] == ["c", "", "left", "right"]
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert base64.b64decode(sources[2].split(",")[1]) == mp4
    policy = next(a["content"] for a in reader.all("meta") if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_inlined_png_is_the_picture(picture):
    source = Reader(page_html("t", [Image(picture)])).all("img")[0]["src"]
    data = np.frombuffer(base64.b64decode(source.split(",")[1]), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], picture)


def test_hostile_text_stays_text(picture):
    def page(x):
        return Reader(page_html(x, [Heading(x), Text(x), Numbers([(x, x)]), Table([x], [[x]], x), Image(picture, x)], x))

    hostile, harmless = page(HOSTILE), page("x")
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    assert hostile.all("img")[0]["alt"] == HOSTILE
    assert hostile.words.count(HOSTILE) == harmless.words.count("x") == 11


def test_table_cells():
    words = Reader(page_html("t", [Table(["name", "l2"], [["log", 0.12349], ["cv", float("nan")], ["x", None], ["n", 7]])])).words
    assert [w for w in words if w.strip()][-10:] == ["name", "l2", "log", "0.123", "cv", "–", "x", "–", "n", "7"]
    with pytest.raises(ValueError, match="1 cells under 2 headings"):
        page_html("t", [Table(["a", "b"], [["x"]])])


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="neither PNG, JPEG, GIF nor MP4"):
        page_html("t", [Image(b"<svg onload=x()>")])
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\]"):
        page_html("t", [Image(np.zeros((4, 4), dtype=np.uint8))])
    with pytest.raises(ValueError, match="cannot show a dict"):
        page_html("t", [{}])


def test_numbers_stand_to_the_right_and_words_to_the_left():
    rows = [["a", "1.34 [0.61, 1.99]", "5.52 [3.4, 9.8] (2.61)", "+0.3 m", "-", "3ab"], ["b", "-", "0.00", "-0.1 m (-0.2)", None, "4"]]
    html = page_html("t", [Table(list("uvwxyz"), rows)])
    sides = [a.get("class") for a in Reader(html).all("th")]
    assert sides == [None, "n", "n", "n", "n", None]


def test_cells_of_wide_tables_know_their_headings_for_narrow_screens():
    header = [*"abc", "success, %", HOSTILE]
    page = Reader(page_html("t", [Table(header, [[*"xyz", 1, "w"]]), Table(header[:4], [[*"xyz", 1]])]))
    assert [cell.get("data-of") for cell in page.all("td")] == [*header, *[None] * 4]
    assert [cell["class"] for cell in page.all("div")] == ["table wide", "table"]


def test_an_empty_table_says_none():
    html = page_html("t", [Table(["a", "b"], [], "Collisions by kind")])
    assert "Collisions by kind: none" in html and "<table" not in html


def test_hidden_characters_are_written_out():
    html = page_html("\x1b[31m", [Heading("a\u202eb"), Text("\x00"), Table(["\x07"], [["\ud800"]])])
    assert "\\x1b[31m" in html and "a\\u202eb" in html and "\\ud800" in html and not any(c in html for c in "\x1b\u202e\x00\x07\ud800")


def test_a_page_is_written_as_its_blocks_come_and_replaces_the_old_one_whole(tmp_path):
    path = write_page(tmp_path / "p.html", "Old", [])

    def blocks():
        yield Text("first")
        raise ValueError("no second")

    with pytest.raises(ValueError, match="no second"):
        write_page(path, "New", blocks())
    assert "Old" in path.read_text() and [p.name for p in tmp_path.iterdir()] == ["p.html"]
    mp4 = tmp_path / "v.mp4"
    mp4.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(20))
    write_page(path, "New", (block for block in [Text("first"), Video(mp4)]))
    assert "New" in path.read_text() and "data:video/mp4" in path.read_text()
