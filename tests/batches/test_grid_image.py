"""Many images in a single PNG, which the app writes while drawing."""

from __future__ import annotations

import io
import struct
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from comfy.batches.grids.image import MOST_PIXELS, CellLine, Content, GridSheet, draw_grid
from comfy.media.drawing import Fonts, png_of

RED, GREEN = (220, 20, 30), (10, 160, 40)


def drawn(sheet: GridSheet, content: Content, side: int = 64) -> Image.Image:
    """Draw the sheet and decode the image."""
    data = b"".join(draw_grid(sheet, content, side, [("Title", "日本")], nullcontext))
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def _mask(image: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    away = ImageChops.difference(image, Image.new("RGB", image.size, color)).convert("L")
    return away.point(lambda value: 255 if value < 12 else 0)


@given(st.integers(1, 40), st.lists(st.integers(1, 30), min_size=1, max_size=4), st.randoms())
def test_strips_come_out_as_one_image(width: int, heights: list[int], random: object) -> None:
    """The image contains the strips in order, pixel for pixel, and carries the given texts."""
    noise = [Image.effect_noise((width, height), 90).convert("RGB").rotate(0) for height in heights]
    data = b"".join(png_of(width, sum(heights), noise, [("a", "é 日"), ("b", "")]))
    image = Image.open(io.BytesIO(data))
    top = 0
    for strip in noise:
        part = image.crop((0, top, width, top + strip.height))
        assert part.tobytes() == strip.tobytes()
        top += strip.height
    assert image.text == {"a": "é 日", "b": ""}  # type: ignore[attr-defined]


def test_cells_keep_their_positions_and_gaps_are_marked(tmp_path: Path) -> None:
    """Images fit into cells with the first image's shape. A damaged image or a failed run leaves an
    empty cell."""
    Image.new("RGB", (300, 200), RED).save(tmp_path / "0.png")
    Image.new("RGBA", (50, 400), (*GREEN, 255)).save(tmp_path / "1.webp", lossless=True)
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    contents = {0: tmp_path / "0.png", 1: tmp_path / "1.webp", 2: tmp_path / "2.png", 3: "Failed"}
    sheet = GridSheet(
        "Portrait", "Steps", "Seed", (CellLine((0, 1), "1", ("20", "30")), CellLine((2, 3), "2"))
    )
    image = drawn(sheet, lambda cell: contents[cell], 120)
    left, top, right, bottom = _mask(image, RED).getbbox() or (0, 0, 0, 0)
    assert (right - left, bottom - top) == (120, 80)
    narrow = _mask(image, GREEN).getbbox() or (0, 0, 0, 0)
    assert (narrow[2] - narrow[0], narrow[3] - narrow[1]) == (10, 80)
    assert right < narrow[0]
    assert narrow[1] == top
    assert image.text["Title"] == "日本"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["Steps", "A name for which there is no room at all on one line"])
def test_an_arrow_leads_from_each_name_to_its_values(name: str) -> None:
    """The arrow points right for the columns' name and down for the rows' name, as on the page."""
    line = CellLine((0,), "1", ("20",))
    named, other = (
        drawn(GridSheet("", across, down, (line, line)), lambda _: "", 64)
        for across, down in ((name, ""), ("", name))
    )
    assert _end(named) == "right"
    assert _end(other) == "down"


def _end(image: Image.Image) -> str:
    """Return the direction of the last gray arrow above the cells."""
    grey = _mask(image, (82, 82, 91))
    left, top, right, bottom = grey.getbbox() or (0, 0, 0, 0)
    columns = [grey.crop((x, top, x + 1, bottom)).getbbox() for x in range(left, right)]
    first = max((at for at, one in enumerate(columns) if one is None), default=-1) + 1
    arrow = grey.crop((left + first, top, right, bottom))
    boxes = [arrow.crop((x, 0, x + 1, arrow.height)).getbbox() for x in range(arrow.width)]
    heights = [box[3] - box[1] for box in boxes if box]
    is_symmetric = heights[: len(heights) // 2] == heights[: -(len(heights) // 2) - 1 : -1]
    return "down" if is_symmetric else "right"


def test_a_grid_image_has_a_maximum_number_of_pixels(tmp_path: Path) -> None:
    """The cells of a large grid shrink."""
    sheet = GridSheet("", "", "", tuple(CellLine(tuple(range(40))) for _ in range(25)))
    head = next(draw_grid(sheet, lambda _: "", 1024, [], nullcontext))
    width, height = struct.unpack_from(">II", head, 16)
    assert MOST_PIXELS / 2 < width * height <= MOST_PIXELS


@pytest.mark.parametrize("label", ["", "x" * 400, "many words " * 80, "\n\t", "日本語", "\ud800"])
def test_any_label_is_drawn_or_numbered(label: str) -> None:
    sheet = GridSheet(label, label, label, (CellLine((0,), label, (label,)),))
    assert drawn(sheet, lambda _: label).width < 1000


def test_a_label_without_a_matching_font_is_drawn_as_a_number() -> None:
    """The app picks a font that has all characters. If no font has them, it draws the number
    instead of boxes."""
    assert Fonts(16, ()).covering(["plain", "words"]) is not None
    assert Fonts(16, ()).covering(["日本語"]) is None
    unknown, numbered = (
        drawn(GridSheet("", "", "", (CellLine((0,), label, ()),)), lambda _: "", 64)
        for label in ("\U0010fffd\U0010fffc", "#1")
    )
    assert unknown.height > numbered.height  # it says below why
    same = (0, 0, numbered.width, numbered.height - 10)
    assert unknown.crop(same).tobytes() == numbered.crop(same).tobytes()
