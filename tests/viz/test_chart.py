"""Charts: whole XML, every mark and word inside the picture, places that tell the numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from drive.viz.chart import GREY, WIDTH, Line, Mark, legend, line_chart, nice_ticks, row_chart
from drive.viz.printable import columns, printable

NAMES = [("log", GREY), *((f"planner {i} <&$\\frac{{$", i) for i in range(20))]


def lines(count: int, top: float) -> list[Line]:
    marks = [Mark(s, top * s / 3, top * s / 6, top * s / 2, top * s / 9, "12 failed") for s in (1, 2, 3)]
    return [Line(name, kind, marks) for name, kind in NAMES[:count]]


@pytest.mark.parametrize("top", [0.0, 0.004, 7.3, 4000.0])
@pytest.mark.parametrize("count", [0, 1, 9, 21])
def test_all_lies_inside(count: int, top: float) -> None:
    for svg in (line_chart(lines(count, top), (1, 2, 3), "seconds", "L2, m"), row_chart(lines(count, top), ["a", "b", "c", "d"], "L2, m")):
        chart = ElementTree.fromstring(svg)
        height = float(chart.attrib["viewBox"].split()[3])
        assert chart.attrib["viewBox"].startswith(f"0 0 {WIDTH:g} ")
        for part in chart.iter():
            for key, value in part.attrib.items():
                if key in ("x", "x1", "x2", "cx"):
                    assert 0 <= float(value) <= WIDTH
                if key in ("y", "y1", "y2", "cy"):
                    assert 0 <= float(value) <= height
        assert len(list(chart.iter("title"))) == 3 * count


def test_places_tell_the_values() -> None:
    """Twice the value, twice as high above the axis; the interval's ends at theirs."""
    chart = ElementTree.fromstring(line_chart([Line("a", 0, [Mark(1, 2.0, 1.0, 4.0), Mark(2, 4.0)])], (1, 2), "s", "m"))
    circles = [float(c.attrib["cy"]) for c in chart.iter("circle")]
    axis = max(float(r.attrib["y1"]) for r in chart.iter("line") if r.attrib.get("class") == "rule")
    assert (axis - circles[1]) == pytest.approx(2 * (axis - circles[0]), abs=0.2)
    (bar,) = [b for b in chart.iter("line") if "class" not in b.attrib]
    assert [axis - float(bar.attrib[k]) for k in ("y1", "y2")] == pytest.approx([(axis - circles[0]) / 2, axis - circles[1]], abs=0.2)


def test_rows_do_not_meet() -> None:
    """Marks of nine planners in one row keep to it and lie apart."""
    chart = ElementTree.fromstring(row_chart([Line(n, k, [Mark(i, 1.0) for i in range(3)]) for n, k in NAMES[:9]], ["a", "b", "c"], "m"))
    texts = {t.text: float(t.attrib["y"]) for t in chart.iter("text")}
    assert texts["b"] - texts["a"] == texts["c"] - texts["b"] >= 9 * 12


def test_kinds_are_told_apart() -> None:
    told = re.findall(r'<svg class="key (k\w+)".*?>(<.*?/>)</svg>', legend(NAMES))
    assert len(set(told[1:17])) == 16 and told[0][0] == "kl"


@pytest.mark.parametrize("top", [1e-9, 0.03, 1.0, 2.4, 100.0, 12345.0])
def test_ticks_are_round_and_few(top: float) -> None:
    steps = nice_ticks(top)
    assert steps[0] == 0 and 3 <= len(steps) <= 6 and top * 0.55 <= steps[-1] <= top * (1 + 1e-9)
    assert f"{steps[1]:.2e}"[0] in "125"


def test_names_are_printable_and_measured() -> None:
    assert printable("plain") == "plain" and printable("\x1b[2Jä\u200b\ud800\n") == "\\x1b[2Jä\\u200b\\ud800\\n"
    assert columns("abc") == 3 and columns("東京") == 4 and columns("e\u0301") == 1
