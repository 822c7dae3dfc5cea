"""One self-contained HTML page: headings, text, headline numbers, tables, pictures, videos; all inlined, no script.

    write_page("report/index.html", "Plans", [
        Heading("Scene 3"), Text("Two paragraphs,\\n\\nplain text."), Numbers([("0.42 m", "L2 at 1 s")]),
        Table(["planner", "L2"], [["log", 0.0], ["ours", 0.42]]), Image(picture, "What it saw"), Video(mp4_bytes, "The drive"),
    ])

The page forbids itself any request (Content-Security-Policy), opens offline, and follows the reader's light or dark
setting. All text is escaped: a data set's names cannot become markup.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Cell = str | int | float | None


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
    """Rows of cells under a header. Floats show `digits` decimals; None and NaN show as a dash."""

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
class Video:
    """The bytes of an MP4 file (H.264, so that every browser plays it)."""

    mp4: bytes
    caption: str = ""


Block = Heading | Text | Numbers | Table | Image | Video


def write_page(path: str | Path, title: str, blocks: Sequence[Block], subtitle: str = "") -> Path:
    """Writes the page, making its folder; returns its path. Raises ValueError where a block cannot be shown."""
    path = Path(path)
    html = page_html(title, blocks, subtitle)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
    return path


def page_html(title: str, blocks: Sequence[Block], subtitle: str = "") -> str:
    """The page as text. Raises ValueError where a block cannot be shown."""
    lead = f'<p class="lead">{escape(subtitle)}</p>' if subtitle else ""
    body = "\n".join(_block(block) for block in blocks)
    return _PAGE.format(title=escape(title), style=_STYLE, lead=lead, body=body)


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
            return f"<h2>{escape(text)}</h2>"
        case Text(text):
            return "\n".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n"))
        case Numbers(items):
            tiles = "".join(f'<div class="number"><b>{escape(value)}</b><span>{escape(label)}</span></div>' for value, label in items)
            return f'<div class="numbers">{tiles}</div>'
        case Table():
            return _table(block)
        case Image(picture, caption, photo):
            data = picture if isinstance(picture, bytes) else encode_picture(picture, photo)
            return _figure(f'<img alt="{escape(caption)}" src="{_data_uri(data)}">', caption)
        case Video(mp4, caption):
            return _figure(f'<video controls loop muted playsinline src="{_data_uri(mp4)}"></video>', caption)
    raise ValueError(f"a page cannot show a {type(block).__name__}; it shows Heading, Text, Numbers, Table, Image, Video")


def _figure(inner: str, caption: str) -> str:
    return f"<figure>{inner}{f'<figcaption>{escape(caption)}</figcaption>' if caption else ''}</figure>"


def _table(table: Table) -> str:
    wrong = [row for row in table.rows if len(row) != len(table.header)]
    if wrong:
        raise ValueError(f"a table row has {len(wrong[0])} cells under {len(table.header)} headings: {list(wrong[0])}")
    numeric = [all(not isinstance(row[i], str) for row in table.rows) for i in range(len(table.header))]

    def row_html(cells: Sequence[Cell], tag: str) -> str:
        side = (' class="n"' if n else "" for n in numeric)
        return "<tr>" + "".join(f"<{tag}{c}>{escape(_cell(x, table.digits))}</{tag}>" for x, c in zip(cells, side, strict=True)) + "</tr>"

    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    body = "\n".join(row_html(row, "td") for row in table.rows)
    return f'<div class="table"><table>{caption}<thead>{row_html(table.header, "th")}</thead><tbody>\n{body}\n</tbody></table></div>'


def _cell(value: Cell, digits: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def _data_uri(data: bytes) -> str:
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)
    if kind is None and data[4:8] == b"ftyp":
        kind = "video/mp4"
    if kind is None:
        raise ValueError(f"neither PNG, JPEG, GIF nor MP4: {len(data)} bytes that begin with {data[:8]!r}")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


_STYLE = """
:root { color-scheme: light dark; --page: #fbfbfc; --text: #1b2129; --soft: #5c6773; --line: #dde2e8; --card: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1318; --text: #e6eaf0; --soft: #93a0ae; --line: #2a323c; --card: #171d24; }
}
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .2em; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.2em 0 .5em; overflow-wrap: anywhere; }
p { max-width: 75ch; margin: .6em 0; overflow-wrap: anywhere; }
.lead { color: var(--soft); margin: 0 0 1.6em; }
.numbers { display: flex; flex-wrap: wrap; gap: 12px; margin: 1.2em 0; }
.number { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; min-width: 110px; }
.number b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.number span { color: var(--soft); font-size: .85rem; }
.table { overflow-x: auto; margin: 1.2em 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 6px; }
th, td { padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line); text-align: left; }
th { color: var(--soft); font-weight: 600; }
.n { text-align: right; }
figure { margin: 1.4em 0; }
img, video { display: block; max-width: 100%; height: auto; border-radius: 8px; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: 8px; max-width: 90ch; overflow-wrap: anywhere; }
"""

_PAGE = """<!doctype html>
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
{body}
</main>
</body>
</html>
"""
