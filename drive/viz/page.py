"""One self-contained HTML page: headings, text, headline numbers, tables, pictures, videos; all inlined, no script.

    write_page("report/index.html", "Plans", [
        Heading("Scene 3"), Text("Two paragraphs,\\n\\nplain text."), Numbers([("0.42 m", "L2 at 1 s")]),
        Table(["planner", "L2"], [["log", 0.0], ["ours", 0.42]]), Image(picture, "What it saw"), Video("drive.mp4", "The drive"),
    ])

The page forbids itself any request (Content-Security-Policy), opens offline, and follows the reader's light or dark
setting. All text is escaped: a data set's names cannot become markup. It is written block by block, so that it may be
larger than memory: give pictures encoded, videos as paths, and the blocks as they come.
"""

from __future__ import annotations

import base64
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.outputs import writing
from drive.viz.chart import legend
from drive.viz.page_style import STYLE
from drive.viz.printable import printable

Cell = str | int | float | None
WIDE = 5


@dataclass(frozen=True)
class Heading:
    """A heading inside the page."""

    text: str


@dataclass(frozen=True)
class Text:
    """Plain text; blank lines part paragraphs."""

    text: str


@dataclass(frozen=True)
class Numbers:
    """A few headline numbers: (value as it shall read, what it is) each."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header. Floats show `digits` decimals; None and NaN show as a dash. Columns of numbers, also of
    numbers as text with units or intervals, stand to the right. A table without rows says so. On a narrow screen each row of a table with
    `WIDE` columns or more is a list of its own: heading and cell, line by line."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    digits: int = 3


@dataclass(frozen=True, eq=False)
class Image:
    """A picture: uint8 [H, W, 3] RGB, or the bytes of a PNG, JPEG or GIF file. photo: encode an array as JPEG, not PNG."""

    picture: NDArray[np.uint8] | bytes
    caption: str = ""
    photo: bool = False


@dataclass(frozen=True, eq=False)
class Beside:
    """Pictures side by side as `Image` takes them, below one another on a narrow screen: (picture, what it is) each. What each is stands
    below it where there is no caption for all."""

    pictures: Sequence[tuple[bytes, str]]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Video:
    """An MP4 file (H.264, so that every browser plays it): its bytes or its path."""

    mp4: bytes | Path
    caption: str = ""


@dataclass(frozen=True)
class Charts:
    """Charts side by side (`drive.viz.chart`: SVG each), and the names that they share: (name, kind) each."""

    panels: Sequence[str]
    names: Sequence[tuple[str, int]]
    caption: str = ""


Block = Heading | Text | Numbers | Table | Image | Beside | Video | Charts


def write_page(path: str | Path, title: str, blocks: Iterable[Block], subtitle: str = "") -> Path:
    """Writes the page block by block, making its folder; returns its path. A page of that name is replaced once the new one is
    whole. Raises ValueError where a block cannot be shown, OutputError where the page cannot be written."""
    path = Path(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}.writing")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(_parts(title, blocks, subtitle))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path


def page_html(title: str, blocks: Iterable[Block], subtitle: str = "") -> str:
    """The page as text. Raises ValueError where a block cannot be shown."""
    return "".join(_parts(title, blocks, subtitle))


def _parts(title: str, blocks: Iterable[Block], subtitle: str) -> Iterator[str]:
    lead = f'<p class="lead">{_safe(subtitle)}</p>' if subtitle else ""
    yield _HEAD.format(title=_safe(title), style=STYLE, lead=lead)
    for block in blocks:
        yield _block(block) + "\n"
    yield _FOOT


def _safe(text: str) -> str:
    """Text as markup that shows it: escaped, hidden characters written out."""
    return escape(printable(text))


def encode_picture(picture: NDArray[np.uint8], photo: bool = False) -> bytes:
    """uint8 [H, W, 3] RGB -> the bytes of a PNG file (of a JPEG file where photo is True)."""
    import cv2

    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a picture must be uint8 [H, W, 3] RGB, got {picture.dtype} {list(picture.shape)}")
    settings = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]) if photo else (".png", [cv2.IMWRITE_PNG_COMPRESSION, 6])
    return bytes(cv2.imencode(settings[0], picture[..., ::-1], settings[1])[1])


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{_safe(text)}</h2>"
        case Text(text):
            return "\n".join(f"<p>{_safe(part)}</p>" for part in text.split("\n\n"))
        case Numbers(items):
            tiles = "".join(f'<div class="number"><b>{_safe(value)}</b><span>{_safe(label)}</span></div>' for value, label in items)
            return f'<div class="numbers">{tiles}</div>'
        case Table():
            return _table(block)
        case Image(picture, caption, photo):
            data = picture if isinstance(picture, bytes) else encode_picture(picture, photo)
            return _figure(f'<img alt="{_safe(caption)}" src="{_data_uri(data)}">', caption)
        case Beside(pictures, caption):
            images = [(f'<img alt="{_safe(what)}" src="{_data_uri(data)}">', what) for data, what in pictures]
            shown = "".join(image if caption else _figure(image, what) for image, what in images)
            return _figure(f'<div class="beside">{shown}</div>', caption)
        case Video(mp4, caption):
            data = mp4 if isinstance(mp4, bytes) else mp4.read_bytes()
            return _figure(f'<video controls loop muted playsinline src="{_data_uri(data)}"></video>', caption)
        case Charts(panels, names, caption):
            return _figure(f'{legend(names)}<div class="panels">{"".join(panels)}</div>', caption)
    raise ValueError(f"a page cannot show a {type(block).__name__}; it shows Heading, Text, Numbers, Table, Image, Beside, Video, Charts")


def _figure(inner: str, caption: str) -> str:
    return f"<figure>{inner}{f'<figcaption>{_safe(caption)}</figcaption>' if caption else ''}</figure>"


def _table(table: Table) -> str:
    wrong = [row for row in table.rows if len(row) != len(table.header)]
    if wrong:
        raise ValueError(f"a table row has {len(wrong[0])} cells under {len(table.header)} headings: {list(wrong[0])}")
    caption = f"<caption>{_safe(table.caption)}</caption>" if table.caption else ""
    if not table.rows:
        return f'<p class="none">{_safe(table.caption)}{": " if table.caption else ""}none</p>'
    sides = [' class="n"' if all(_is_number(row[i]) for row in table.rows) else "" for i in range(len(table.header))]
    wide = len(table.header) >= WIDE
    named = [f'{side} data-of="{_safe(name)}"' if wide else side for side, name in zip(sides, table.header, strict=True)]

    def row_html(cells: Sequence[Cell], tag: str, said: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}{c}>{_safe(_cell(x, table.digits))}</{tag}>" for x, c in zip(cells, said, strict=True)) + "</tr>"

    body = "\n".join(row_html(row, "td", named) for row in table.rows)
    kind, head = "table wide" if wide else "table", row_html(table.header, "th", sides)
    return f'<div class="{kind}"><table>{caption}<thead>{head}</thead><tbody>\n{body}\n</tbody></table></div>'


# A number as text: sign, digits, a unit, an interval in square brackets, another value in round ones.
_NUMBER = re.compile(r"(|[-\u2013]|[-+]?\d[\d,.]*( ?(m|s|%|px))?( ?\[[-+\d., ]*\])?( ?\([-+\d., ]*\))?|\[[-+\d., ]*\])")


def _is_number(cell: Cell) -> bool:
    return not isinstance(cell, str) or _NUMBER.fullmatch(cell) is not None


def _cell(value: Cell, digits: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "\u2013"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def _data_uri(data: bytes) -> str:
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)
    if kind is None and data[4:8] == b"ftyp":
        kind = "video/mp4"
    if kind is None:
        raise ValueError(f"neither PNG, JPEG, GIF nor MP4: {len(data)} bytes that begin with {data[:8]!r}")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{lead}
"""

_FOOT = """</main>
</body>
</html>
"""
