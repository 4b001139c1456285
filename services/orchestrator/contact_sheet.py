"""Lays out pictures with lines of text under them, for people's eyes: rows of cells below a header."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from shared.images import Film, Mask, resize_film, resize_mask

_SIDE = 256
"""Films are brought to this size, in pixels, where they are not larger."""
_GAP, _LINE = 6, 16
_BACKGROUND = "#16181c"
TEXT, DIM, GOOD, BAD = "#e8e8e8", "#9aa0a8", "#6fdc8c", "#ff8a80"

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""


@dataclass(frozen=True)
class Cell:
    """A picture with lines of text under it; None leaves its place empty."""

    picture: Image.Image | None
    lines: tuple[tuple[str, str], ...] = ()
    """Text and colour."""


def lay_out(rows: Sequence[Sequence[Cell]], box: Box, header: Sequence[str]) -> Image.Image:
    """Draw a sheet; of every picture the part within `box` is shown, and lines that are too long are cut."""
    left, top, right, bottom = box
    width, height = max(right - left, 200), bottom - top
    columns = max(len(row) for row in rows)
    lines = [max(len(cell.lines) for cell in row) for row in rows]
    top_of_rows = 2 * _GAP + len(header) * _LINE
    sheet = Image.new(
        "RGB",
        (
            columns * (width + _GAP) + _GAP,
            top_of_rows + sum(height + count * _LINE + _GAP for count in lines) + _GAP,
        ),
        _BACKGROUND,
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for number, text in enumerate(header):
        pen.text((_GAP, _GAP + number * _LINE), text, fill=TEXT if number == 0 else DIM, font=font)
    y = top_of_rows
    for row, count in zip(rows, lines, strict=True):
        for column, cell in enumerate(row):
            x = _GAP + column * (width + _GAP)
            if cell.picture is not None:
                sheet.paste(cell.picture.crop(box), (x, y))
            for line, (text, colour) in enumerate(cell.lines):
                pen.text((x, y + height + line * _LINE), _shortened(text, width, font), fill=colour, font=font)
        y += height + count * _LINE + _GAP
    return sheet


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while text and font.getlength(text) > width:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    return text


def breast_box(masks: Sequence[Mask]) -> Box:
    """What all breasts of a sheet lie in, with a little room around."""
    union: npt.NDArray[np.bool_] = np.logical_or.reduce(masks)
    rows, columns = union.shape
    down, across = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    left, top = max(0, int(across[0]) - _GAP), max(0, int(down[0]) - _GAP)
    return (left, top, min(columns, int(across[-1]) + _GAP + 1), min(rows, int(down[-1]) + _GAP + 1))


def as_png(sheet: Image.Image) -> bytes:
    """Write a sheet as a PNG."""
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def enlarge(film: Film) -> Film:
    """Bring a film to the size of a cell, where it is not larger."""
    side = max(_SIDE, film.shape[0])
    return resize_film(film, side, side)


def enlarge_mask(mask: Mask) -> Mask:
    """Bring a mask to the size of a cell, where it is not larger."""
    side = max(_SIDE, mask.shape[0])
    return resize_mask(mask, side, side)
