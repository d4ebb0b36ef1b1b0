"""A batch as a grid: the positions and labels of its cells, and the settings in its image."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy.base.errors import ComfyError
from comfy.batches.grids.grid import (
    MOST_CELLS,
    Grid,
    GridAxis,
    few_words,
    fits_grid,
    in_lines,
    short_labels,
)
from comfy.batches.grids.image import CellLine
from comfy.batches.grids.settings import (
    KEYWORD,
    GridField,
    GridSettings,
    settings_in,
    settings_text,
)
from comfy.batches.grids.sheet import sheet_of
from comfy.batches.rows import Axis, combined
from comfy.media.drawing import png_of
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
    rows = combined([Axis(axis.key, axis.values) for axis in grid.axes])
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
