"""A batch as a grid: the positions and labels of its cells, and its image with the settings, which
the app writes while drawing."""

from __future__ import annotations

import io
import json
import math
import struct
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from comfy.base.errors import ComfyError
from comfy.batches.content import combined
from comfy.batches.grids import (
    KEYWORD,
    MOST_CELLS,
    MOST_PIXELS,
    CellLine,
    Content,
    Grid,
    GridAxis,
    GridField,
    GridSettings,
    GridSheet,
    draw_grid,
    few_words,
    fits_grid,
    in_lines,
    settings_in,
    settings_text,
    sheet_of,
    short_labels,
)
from comfy.media.drawing import Fonts, png_of
from tests.support.distribution import examples

COUNTS = st.lists(st.integers(1, 6), min_size=1, max_size=3)


PHRASE = "a photo of a {} in the harbour of Oslo, oil painting, soft light"


def grid_of(*counts: int, swapped: bool = False) -> Grid:
    axes = (
        GridAxis(name, name.upper(), tuple(f"{name}{at}" for at in range(count)))
        for name, count in zip("xyz", counts, strict=False)
    )
    return Grid(tuple(axes), swapped)


@given(COUNTS)
def test_each_cell_is_the_row_with_its_values(counts: list[int]) -> None:
    """The first axis changes slowest, and each row fills a single cell on a single page."""
    grid = grid_of(*counts)
    rows = combined({axis.key: axis.values for axis in grid.axes})
    for index, row in enumerate(rows):
        place = grid.place(index)
        assert grid.index(*place) == index
        values = [axis.values[at] for axis, at in zip(grid.axes, place, strict=False)]
        assert list(row.values.values()) == values
    pages = len(grid.pages.values) if grid.pages else 1
    seen = [cell for page in range(pages) for line in grid.lines(page) for cell in line]
    assert sorted(seen) == list(range(math.prod(counts)))


@given(COUNTS)
def test_a_swapped_grid_transposes_its_cells(counts: list[int]) -> None:
    grid, turned = grid_of(*counts), grid_of(*counts, swapped=True)
    if len(counts) > 1:
        assert turned.lines() == tuple(zip(*grid.lines(), strict=True))
        assert (turned.across, turned.down) == (grid.down, grid.across)
    assert turned.pages == grid.pages


@pytest.mark.parametrize(
    ("counts", "fits"),
    [
        ((1,), True),
        ((MOST_CELLS + 1,), False),
        ((40, 40), False),
        ((10, 10, 90), True),
        ((), False),
    ],
)
def test_a_page_has_a_limited_number_of_cells(counts: tuple[int, ...], fits: bool) -> None:
    assert fits_grid(counts) is fits


@settings(max_examples=examples(50))
@given(st.lists(st.text(max_size=90), max_size=8), st.integers(12, 60))
def test_labels_are_short_single_lines_and_distinct(values: list[str], longest: int) -> None:
    labels = short_labels(values, longest)
    assert len(labels) == len(values)
    assert all(len(label) <= longest and "\n" not in label for label in labels)
    assert len(set(labels)) == len(set(values))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (("20", "30"), ("20", "30")),
        (("sd/v1-5.safetensors", "xl/base.safetensors"), ("v1-5", "base")),
        (("a/m.safetensors", "b/m.safetensors"), ("a/m", "b/m")),
        ((PHRASE.format("boat"), PHRASE.format("small ship")), ("…boat…", "…small ship…")),
        (
            ("a boat", f"a {'long ' * 12}ship"),
            ("a boat", "a long long long long long long long lo…"),
        ),
        (("日本語", "四 五"), ("日本語", "四 五")),
    ],
)
def test_labels_omit_folders_and_shared_words(
    values: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    """Labels omit the folder and the words that all values share."""
    assert short_labels(values) == labels


def test_a_sheet_has_its_labels_once_and_its_page_number() -> None:
    sheet = sheet_of(grid_of(2, 2, 3), "Portrait", 1)
    assert sheet.title == "Portrait · Z: z1"
    assert sheet.lines == (CellLine((1, 7), "y0", ("x0", "x1")), CellLine((4, 10), "y1"))
    one = sheet_of(grid_of(3), "Portrait")
    assert one.lines == (CellLine((0, 1), "", ("x0", "x1")), CellLine((2,), "", ("x2",)))
    assert in_lines(()) == ()


TEXT = st.text(max_size=30)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


FIELDS = st.builds(
    GridField, TEXT, TEXT, st.lists(TEXT, max_size=4).map(tuple), TEXT, st.booleans()
)


SETTINGS = st.builds(
    GridSettings,
    TEXT,
    TEXT,
    st.lists(FIELDS, min_size=1, max_size=3).map(tuple),
    st.dictionaries(TEXT, JSON, max_size=4),
)


def png_with(text: str) -> bytes:
    """Return an image that carries this text in place of a grid's settings."""
    return b"".join(png_of(2, 3, [Image.new("RGB", (2, 3))], [(KEYWORD, text)]))


@given(SETTINGS)
def test_grid_settings_are_read_back_from_an_image(settings: GridSettings) -> None:
    """The start of the file is enough. The test skips NUL characters, which don't occur in the
    app's JSON."""
    plain = "\0" not in str(settings) and "\\x00" not in str(settings)
    png = png_with(settings_text(settings))
    if plain:
        assert settings_in(png) == settings_in(png[:-20]) == settings


def test_unknown_settings_are_ignored() -> None:
    """An image from another version may carry more settings."""
    settings = GridSettings("text", "a batch", (GridField("3.steps", "Steps", ("1", "2")),))
    more = json.loads(settings_text(settings)) | {"one_seed": True}
    assert settings_in(png_with(json.dumps(more))) == settings


@given(
    st.binary(max_size=200)
    | TEXT.map(lambda text: png_with(text))
    | JSON.map(lambda told: png_with(repr(told).replace("'", '"')))
)
def test_files_without_grid_settings_raise_an_error(data: bytes) -> None:
    with pytest.raises(ComfyError, match=r"\w+.*\.$"):
        settings_in(data)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        '{"workflow": "a", "batch": "", "axes": []}',
        '{"workflow": 3, "batch": "", "axes": [{"field": "f", "label": "", "values": []}]}',
        '{"workflow": "a", "batch": "", "axes": ['
        + ",".join(['{"field":"f","label":"","values":[]}'] * 4)
        + "]}",
        " " * 5_000_000 + "{}",
    ],
)
def test_malformed_grid_settings_raise_an_error(text: str) -> None:
    with pytest.raises(ComfyError, match="can't be read"):
        settings_in(png_with(text))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([2, 4.5, 6], "2, 4.5, 6"),
        ([1, 2, 3, 4], "1, 2, 3, …"),
        (["a.safetensors", "b.safetensors"], "a, b"),
        ([True, False], ""),
        ([{"x": 1}], ""),
    ],
)
def test_values_are_shortened_to_the_first(values: list[object], words: str) -> None:
    """Only numbers and words are listed. Other values give an empty text."""
    assert few_words(values) == words


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
