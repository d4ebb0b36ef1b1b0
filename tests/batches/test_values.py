"""Lists and ranges of values for a batch, and grids."""

from __future__ import annotations

import io
import json
import math
import random
import struct
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from comfy.base.errors import ComfyError
from comfy.batches import content as module
from comfy.batches.content import (
    BatchContent,
    Column,
    check_together,
    combined,
    read_batch,
    replaced,
    with_seeds,
)
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
from comfy.batches.spec import AxisSpec, BatchSpec, Seeds, TableSpec
from comfy.batches.values import MOST_ROWS, MOST_TEXT, TooManyRows, values_of
from comfy.form.check import check
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Form
from comfy.library.wildcard_files import WildcardFiles
from comfy.media.drawing import Fonts, png_of
from comfy.prompt.value_types import LONGEST_TEXT, BadValue
from comfy.prompt.wildcards import MOST_BLOCKS, every_text, resolve_wildcards
from tests.support.distribution import examples
from tests.support.samples.forms import form_of, node, text_to_image, with_values

FORM = form_of(text_to_image())


def key_of(form: Form, name: str) -> str:
    """Return the key of the field that sets the input with this name."""
    return next(field.key for field in form.fields if field.input == name)


def read(name: str, text: str) -> tuple[object, ...]:
    return values_of(FORM, FORM.field(key_of(FORM, name)), text)


def test_boxes_and_curves_have_a_line_each() -> None:
    """The numbers on each line, in order, form a value that the field accepts."""
    steps = FORM.field(key_of(FORM, "steps"))
    box = replace(steps, kind=KINDS["box"], default={"x": 0, "y": 0, "width": 8, "height": 8})
    curve = replace(steps, kind=KINDS["curve"], default=[[0, 0], [1, 1]])
    for field, text, sent in (
        (box, "0, 8, 64, 32\r\n\n1 2 3 4", {"x": 1, "y": 2, "width": 3, "height": 4}),
        (curve, "0 0, 1 1\n0 0, 0.5 0.2, 1 1", [[0.0, 0.0], [0.5, 0.2], [1.0, 1.0]]),
    ):
        form = replace(FORM, fields=(field,))
        values = values_of(form, field, text)
        assert len(values) == 2
        assert [check(form, {field.key: one})[1] for one in values] == [{}, {}]
        assert check(form, {field.key: values[1]})[0] == {field.key: sent}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("steps", "20", ("20",)),
        ("steps", "1..10:3", ("1", "4", "7", "10")),
        ("steps", " 1 .. 3 ", ("1", "2", "3")),
        ("steps", "3..1", ("3", "2", "1")),
        ("steps", "10..1:4", ("10", "6", "2")),
        ("steps", "10..1:-4", ("10", "6", "2")),
        ("steps", "5, 1..3, 9", ("5", "1", "2", "3", "9")),
        ("cfg", "1..2:0.25", ("1", "1.25", "1.5", "1.75", "2")),
        ("cfg", "-0.1..0.2:0.1", ("-0.1", "0", "0.1", "0.2")),
        ("seed", "18446744073709551614..18446744073709551615", (str(2**64 - 2), str(2**64 - 1))),
        ("seed", "", ("",)),
        ("sampler_name", "euler, dpmpp_2m", ("euler", "dpmpp_2m")),
        ("sampler_name", '"a, b", euler', ("a, b", "euler")),
        ("sampler_name", 'euler "', ('euler "',)),
        ("ckpt_name", "tiny_sd15", ("tiny_sd15.safetensors",)),
        ("ckpt_name", "tiny_sd15, tiny", ("tiny_sd15.safetensors", "tiny")),
        ("text", "a cat\n\n a dog, a hat \r\n", ("a cat", " a dog, a hat ")),
        ("text", "", ("",)),
        (
            "text",
            "a {red|green} {cat|dog}",
            ("a red cat", "a red dog", "a green cat", "a green dog"),
        ),
        ("text", "{a|{b|c}}\nd", ("a", "b", "c", "d")),
        ("text", r"a \{plain\} one", (r"a \{plain\} one",)),
    ],
)
def test_ranges_lists_and_lines_are_read_as_values(
    name: str, text: str, values: tuple[str, ...]
) -> None:
    """The user can write ranges, lists and lines. A wildcard stands for all its values."""
    assert read(name, text) == values


@pytest.mark.parametrize("text", ["1..", "1..4:0", "a..b", "1...4", "1..2..3", "1..9:x"])
def test_an_invalid_range_is_refused(text: str) -> None:
    """The error shows how to write a range."""
    with pytest.raises(BadValue, match=r"Use a format like 1\.\.10"):
        read("steps", text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("steps", "1..1000000000000000000000"),
        ("steps", "0..1:0.00000000000000000001"),
        ("text", "{a|b}" * 40),
        ("text", "\n" * MOST_ROWS + "x\n" * (MOST_ROWS + 1)),
        ("text", "x" * 190_000 + "{a|b|c|d|e|f|g|h}" * 4),
    ],
)
def test_too_many_values_are_refused(name: str, text: str) -> None:
    """The app refuses them before they fill the memory."""
    with pytest.raises(BadValue, match="at most"):
        read(name, text)


def test_texts_that_take_no_wildcards_keep_their_braces() -> None:
    """The editor does the same: it asks the node."""
    prompt = text_to_image() | {
        "90": node("SaveImage", "Save", images=["8", 0], filename_prefix="x")
    }
    form = form_of(prompt)
    field = next(one for one in form.fields if one.input == "filename_prefix")
    assert values_of(form, field, "{a|b}") == ("{a|b}",)


@given(st.text(st.sampled_from("ab{|} ,"), max_size=30), st.randoms(use_true_random=False))
def test_a_random_draw_is_among_the_listed_variants(text: str, rng: object) -> None:
    """A random draw is always among the text's listed variants. Variants contain no further
    wildcards."""
    every = [resolve_wildcards(one, rng) for one in every_text(text, 100_000)]  # type: ignore[arg-type]
    assert resolve_wildcards(text, rng) in every  # type: ignore[arg-type]
    assert all(resolve_wildcards(one, rng) == one for one in every if not set(one) & set("{|}"))  # type: ignore[arg-type]


@given(
    st.sampled_from(["steps", "cfg", "seed", "sampler_name", "text"]),
    st.text(st.sampled_from("0123456789.,:-+ e\n\r\"'{|}\\a") | st.characters(), max_size=60),
)
def test_any_text_is_values_or_a_sentence(name: str, text: str) -> None:
    """The reader raises no other error, and the form can check every value that it returns."""
    try:
        values = read(name, text)
    except BadValue:
        return
    assert values
    for value in values[:20]:
        check(FORM, {key_of(FORM, name): value})


def test_the_text_limit_counts_all_fields_together() -> None:
    negative, positive = (field.key for field in FORM.fields if field.input == "text")
    long = "a" * (MOST_TEXT // 5)
    axes = [AxisSpec(key, "\n".join([long] * 3)) for key in (negative, positive)]
    assert read_batch(FORM, BatchSpec((axes[0],)), {})[1] == ()
    content, (problem,) = read_batch(FORM, BatchSpec((*axes,)), {})
    assert (len(content.axes), problem.field) == (1, positive)
    assert problem.message.startswith("A batch can have")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a __colors__ cat", ("a red cat", "a dark blue cat", "a light blue cat")),
        ("{__colors__|no} hat", ("red hat", "dark blue hat", "light blue hat", "no hat")),
        ("__seas/cold__, {a|b}", ("the Baltic, a", "the Baltic, b")),
        ("snake__case__here and __init", ("snake__case__here and __init",)),
        (r"\__colors__ in def \__init__(self)", ("__colors__ in def __init__(self)",)),
    ],
)
def test_a_wildcard_name_yields_the_lines_of_its_file(
    tmp_path: Path, text: str, values: tuple[str, ...]
) -> None:
    """Each line stands for all its own variants. Empty lines and comments don't count."""
    (tmp_path / "seas").mkdir()
    (tmp_path / "colors.txt").write_text("# of cats\nred\n\n{dark|light} blue\n")
    (tmp_path / "seas" / "cold.txt").write_text("\ufeffthe Baltic\r\n", encoding="utf-8")
    field = FORM.field(key_of(FORM, "text"))
    (tmp_path / "case.txt").write_text("case\n")
    read = values_of(FORM, field, text, WildcardFiles(tmp_path).lines)
    assert tuple(value for value in read) == values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("__colours__", "There's no wildcard file “colours.txt”. Did you mean"),
        ("__../secret__", "There's no wildcard file"),
        ("__circle__", "refers back to itself"),
        ("__latin__", "can't be read"),
        ("__empty__", "is empty"),
    ],
)
def test_unusable_wildcards_are_reported(tmp_path: Path, text: str, why: str) -> None:
    """The app reads no file outside the folder."""
    folder = tmp_path / "wildcards"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "colors.txt").write_text("red")
    (folder / "circle.txt").write_text("red\nround and __circle__")
    (folder / "empty.txt").write_text("# nothing\n")
    (folder / "latin.txt").write_bytes(b"gr\xfcn")
    with pytest.raises(BadValue, match=why):
        values_of(FORM, FORM.field(key_of(FORM, "text")), text, WildcardFiles(folder).lines)


@pytest.mark.parametrize(
    "text", ["/__" * 60_000, "__a." * 50_000, "__many__" * 20_000, "-__" * 60_000]
)
def test_texts_with_wildcard_names_are_read_quickly(tmp_path: Path, text: str) -> None:
    """The reader also needs little memory, as it stops at the number of values that the caller
    requests."""
    (tmp_path / "many.txt").write_text("\n".join(map(str, range(10_000))))
    lines = cache(WildcardFiles(tmp_path).lines)
    found = tuple(every_text(text, 3, lines))
    assert 1 <= len(found) <= 3


@pytest.mark.parametrize("text", ["{|}" * 66_000, "{" * 66_000, "a\n" + "{a|b} " * 1_001])
def test_too_many_wildcards_are_refused_at_once(text: str) -> None:
    """The field's error appears before the app expands any text."""
    begun = time.process_time()
    with pytest.raises(BadValue, match=r"Too many wildcards like \{a\|b\} .*1,000"):
        read("text", text)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("block", ["{|}", "{a|b}", "{a|{b|c}}", "{a}{b|c}{|}"])
def test_many_wildcards_take_little_time(block: str) -> None:
    """The text has the maximum number of wildcards, and each variant is as long as allowed."""
    text = block * (MOST_BLOCKS // block.count("{")) + "x" * 10_000
    begun = time.process_time()
    with pytest.raises(TooManyRows):
        read("text", text)
    assert time.process_time() - begun < 2


def test_escaped_braces_are_not_wildcards() -> None:
    text = r"\{a\}" * 2_000
    assert read("text", text) == (text,)


TEXT = key_of(FORM, "text")


def test_a_replacement_never_exceeds_the_maximum_text_length() -> None:
    """The app refuses a long text before building it, as that could exhaust memory."""
    assert replaced("a boat, a cat", "a ", "the ") == "the boat, the cat"
    assert len(replaced("a" * 1_000, "a", "b" * 100)) == LONGEST_TEXT
    with pytest.raises(BadValue, match="Maximum 100,000 characters"):
        replaced("a" * 1_000, "a", "b" * 101)
    with pytest.raises(BadValue, match="Maximum 100,000 characters"):
        replaced("a" * 90_000, "a", "b" * 90_000)


@pytest.mark.parametrize(
    ("axes", "table", "problem"),
    [
        ((("a", "b"),), "", None),
        ((("boat", "ship"), ("a", "the")), "", None),
        ((("a", "a" * 40),) * 20, "", "Maximum"),
        ((("a", "b" * 400), ("b", "c" * 400)), "", "Maximum"),
        # The value that makes the other text longer is not always the longest one.
        ((("a", "b" * 400, "c" * 401), ("b", "d" * 400)), "", "Maximum"),
        ((("a", "b" * 400),), "a" * 200, None),
        ((("a", "b" * 400),), "a" * 300, "Maximum"),
    ],
)
def test_all_replacements_of_a_field_are_judged_together(
    axes: tuple[tuple[str, ...], ...], table: str, problem: str | None
) -> None:
    """The check includes the texts of a table."""
    given = tuple(AxisSpec(TEXT, replace="\n".join(axis)) for axis in axes)
    sheet = TableSpec("a.csv", f"{TEXT}\n{table}\n") if table else None
    base = {TEXT: "a big boat" if all(axis[0] != "b" for axis in axes) else "ab"}
    _, problems = read_batch(FORM, BatchSpec(given, sheet, paired=True), base)
    told = [(one.field, problem is not None and problem in one.message) for one in problems]
    assert told == ([] if problem is None else [(TEXT, True)])


short = st.text("abc", max_size=4)
finds = st.text("abc", min_size=1, max_size=2)


@given(
    st.lists(short, min_size=1, max_size=3),
    st.lists(st.tuples(finds, st.lists(short, min_size=1, max_size=3)), min_size=1, max_size=4),
)
def test_packs_never_exceed_the_limit(texts: list[str], axes: list[tuple[str, list[str]]]) -> None:
    """The limit holds for every combination of values."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST_TEXT", 12)
        try:
            check_together(texts, axes)
        except BadValue:
            return
        for text, *values in product(texts, *(values for _, values in axes)):
            for (find, _), value in zip(axes, values, strict=True):
                text = replaced(text, find, value)


SEEDS_TEXT, SEED = "6.text", "3.seed"
SEEDS_FORM = form_of(with_values(text_to_image(), "6", text="a {red|blue} boat"))


def drawn(seeds: Seeds, *columns: str, **base: object) -> dict[str, object]:
    """Return the values common to all rows."""
    shown = tuple(Column(key, key, (1,)) for key in columns)
    return {**with_seeds(SEEDS_FORM, BatchContent(base, axes=shown), seeds, random.Random(1)).base}


@pytest.mark.parametrize("seeds", ["form", "each"])
def test_undrawn_fields_of_each_row_are_named(seeds: Seeds) -> None:
    """The app also draws texts for each row if the batch asks for new seeds per row. It doesn't
    draw a field that the batch varies."""
    texts = {SEEDS_TEXT: "a {red|blue} boat"} if seeds == "each" else {}
    assert drawn(seeds) == {SEED: None} | texts
    assert drawn(seeds, SEED, SEEDS_TEXT) == {}
    assert drawn(seeds, **{SEEDS_TEXT: "a boat", SEED: 3}) == {
        SEEDS_TEXT: "a boat",
        SEED: 3 if seeds == "form" else None,
    }


def test_one_seed_that_was_left_out_is_drawn_once() -> None:
    """All rows share the drawn seed."""
    assert isinstance(drawn("one")[SEED], int)
    assert drawn("one", **{SEED: 3}) == {SEED: 3}


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


GRID_TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | GRID_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(GRID_TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.builds(
    GridField,
    GRID_TEXT,
    GRID_TEXT,
    st.lists(GRID_TEXT, max_size=4).map(tuple),
    GRID_TEXT,
    st.booleans(),
)
SETTINGS = st.builds(
    GridSettings,
    GRID_TEXT,
    GRID_TEXT,
    st.lists(FIELDS, min_size=1, max_size=3).map(tuple),
    st.dictionaries(GRID_TEXT, JSON, max_size=4),
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
    | GRID_TEXT.map(lambda text: png_with(text))
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


def grid_drawn(sheet: GridSheet, content: Content, side: int = 64) -> Image.Image:
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
    image = grid_drawn(sheet, lambda cell: contents[cell], 120)
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
        grid_drawn(GridSheet("", across, down, (line, line)), lambda _: "", 64)
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
    assert grid_drawn(sheet, lambda _: label).width < 1000


def test_a_label_without_a_matching_font_is_drawn_as_a_number() -> None:
    """The app picks a font that has all characters. If no font has them, it draws the number
    instead of boxes."""
    assert Fonts(16).covering(["plain", "words"]) is not None
    assert Fonts(16).covering(["\U0010fffe"]) is None
    unknown, numbered = (
        grid_drawn(GridSheet("", "", "", (CellLine((0,), label, ()),)), lambda _: "", 64)
        for label in ("\U0010fffd\U0010fffc", "#1")
    )
    assert unknown.height > numbered.height  # it says below why
    same = (0, 0, numbered.width, numbered.height - 10)
    assert unknown.crop(same).tobytes() == numbered.crop(same).tobytes()
