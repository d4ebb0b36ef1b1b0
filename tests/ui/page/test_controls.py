"""Fields as components: every widget shows a value and returns the same value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from comfy.form.core_inputs import SlideRange
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import Wanted, distinct
from comfy.form.model import Field
from ui.documents.browser_values import filled_in
from ui.page.form.arrangement import build_control, draw_size, held_fields, size_pairs
from ui.page.form.kinds.dropdown import choices_of
from ui.page.form.kinds.registry import VIEWS
from ui.page.form.kinds.view import Control, element_id, help_text
from ui.page.form.panel import below_title, draw_group

TEXT = Field("6.text", "6", "text", "Text", "STRING", KINDS["text"], "main", "")
NUMBER = Field("3.steps", "3", "steps", "Steps", "INT", KINDS["number"], "main", 20, 1, 10000, 1)
CHOICE = replace(
    TEXT,
    key="4.name",
    type="COMBO",
    kind=KINDS["dropdown"],
    choices=(("One", "sub/one.st"), ("Two", "two.st")),
)
SEED = replace(NUMBER, key="3.seed", input="seed", kind=KINDS["seed"], min=0, max=2**64 - 1)
SAMPLES: list[tuple[Field, Any]] = [
    (TEXT, "a cat"),
    (replace(TEXT, kind=KINDS["textarea"]), "two\nlines"),
    (NUMBER, 20),
    (replace(NUMBER, type="FLOAT"), 0.25),
    (replace(NUMBER, kind=KINDS["slider"], max=60), 7),
    (replace(TEXT, type="BOOLEAN", kind=KINDS["checkbox"]), True),
    (replace(TEXT, type="COLOR", kind=KINDS["color"]), "#ff8800"),
    (CHOICE, "sub/one.st"),
    (
        replace(TEXT, kind=KINDS["rows"], default=[], columns=(NUMBER, CHOICE), row_title="LoRA"),
        [{"3.steps": 4, "4.name": "two.st"}],
    ),
    (SEED, None),
]


def control_of(field: Field, value: Any) -> Control:
    """Build a field's control as the page does."""
    with gr.Blocks(analytics_enabled=False):
        return build_control(field, value)


@pytest.mark.parametrize(
    ("field", "value"), SAMPLES, ids=lambda one: one.widget if isinstance(one, Field) else ""
)
def test_each_component_shows_a_part_of_the_value(field: Field, value: Any) -> None:
    control = control_of(field, value)
    assert len(control.show(value)) == len(control.components)
    assert held_fields([control]) == [
        (field.key, VIEWS[field.widget].browser, len(control.components))
    ]


def test_a_file_dialog_offers_3d_models_only_where_they_are_loaded() -> None:
    file = replace(TEXT, kind=KINDS["file"])
    (any_file,), (model,) = (
        control_of(one, None).components for one in (file, replace(file, input="model_file"))
    )
    assert isinstance(any_file, gr.File)
    assert isinstance(model, gr.File)
    assert any_file.file_types is None
    assert ".glb" in (model.file_types or [])


def test_every_widget_has_a_component() -> None:
    """Each kind of field has a view."""
    assert VIEWS.keys() == KINDS.keys()


@pytest.mark.parametrize("seed", [0, 2**53 + 1, 2**64 - 1])
def test_a_seed_keeps_all_its_digits(seed: int) -> None:
    """The page shows seeds as text."""
    control = control_of(SEED, seed)
    assert control.show(seed) == (str(seed), "fixed")
    assert control.show(f"+{seed}") == (str(seed), "counting")
    assert control.show(None) == ("", "random")


def test_a_counted_seed_starts_in_counting_mode() -> None:
    """The first run draws the number, so the text is empty."""
    counts_down = replace(SEED, counts=-1)
    text, modes = control_of(counts_down, "+").components
    assert isinstance(text, gr.Textbox)
    assert isinstance(modes, gr.Radio)
    assert (text.value, modes.value) == ("", "counting")
    assert [label for label, _ in modes.choices] == ["Random", "Fixed", "Decrement"]


def test_a_large_whole_number_is_text() -> None:
    """A number field becomes a text box if a browser can't represent its limits."""
    control = control_of(replace(NUMBER, max=2**63 - 1), 2**60 + 1)
    assert isinstance(control.components[0], gr.Textbox)
    assert control.show(2**60 + 1) == (str(2**60 + 1),)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (NUMBER, 20),
        (replace(NUMBER, max=2**63 - 1), 640),
        (replace(TEXT, type="*"), {"a": 1}),
        (replace(TEXT, kind=KINDS["textarea"]), 5),
    ],
)
def test_an_unchanged_component_shows_the_authors_value(field: Field, value: Any) -> None:
    """The page marks a field as changed if the two differ, even if a text box shows no text."""
    (shown,) = control_of(field, value).components
    own = filled_in([replace(field, default=value)], {field.key: value}, {}, {})
    assert own.values == own.authors == {field.key: shown.value}


@pytest.mark.parametrize(("height", "lines"), [(None, 3), (240, 10), (20, 2), (600, 25)])
def test_a_text_is_as_high_as_its_author_drew_it(height: int | None, lines: int) -> None:
    """The app converts a height in pixels to lines, at least two. The box can show all of them."""
    (box,) = control_of(replace(TEXT, kind=KINDS["textarea"], height=height), "").components
    assert isinstance(box, gr.Textbox)
    assert box.lines == lines
    assert box.max_lines >= lines


def test_a_value_the_server_lacks_stays_and_is_marked() -> None:
    """The list keeps the author's value even if the server doesn't offer it, and marks that
    value."""
    assert choices_of(CHOICE, "two.st") == [("One", "sub/one.st"), ("Two", "two.st")]
    assert choices_of(CHOICE, "gone.st")[-1] == ("Not available: gone.st", "gone.st")


def test_limits_appear_in_the_help_text() -> None:
    """The help text under a number states its limits, unless they are too large to matter."""
    assert help_text(replace(NUMBER, min=-180, max=180)) == "−180 to 180."
    assert help_text(NUMBER) == "1 to 10,000."
    assert (
        help_text(replace(NUMBER, max=2**60, tooltip="More is slower."))
        == "More is slower. Minimum 1."
    )
    assert help_text(TEXT) is None


@pytest.mark.parametrize("said", ["どんな画像ですか？", "画像を説明してください。", "Describe it."])
def test_help_ends_with_one_stop(said: str) -> None:
    """Help in any language keeps its own stop. If the author's text has none, the app adds a
    period."""
    assert help_text(replace(TEXT, tooltip=said)) == said
    assert help_text(replace(TEXT, tooltip="Describe it")) == "Describe it."


def test_an_element_is_found_by_its_key() -> None:
    """The app keeps only letters and digits of a key in an element's ID, as the page's script
    does."""
    assert element_id(replace(TEXT, key="75:67.text_g")) == "field-75-67-text-g"


def test_width_and_height_of_one_node_are_a_pair() -> None:
    """Or if they are the sides of a result and follow each other, each in a node of its own."""
    wide = replace(NUMBER, key="5.width", node="5", input="width")
    high = replace(NUMBER, key="5.height", node="5", input="height")
    assert size_pairs([wide, NUMBER, high]) == [(wide, high)]
    assert size_pairs([wide, replace(high, node="6")]) == []
    assert size_pairs([replace(wide, folded=True), replace(high, folded=True)]) == []
    left = replace(NUMBER, key="7.value", node="7", input="value", role="width")
    right = replace(left, key="8.value", node="8", role="height")
    assert size_pairs([left, right]) == [(left, right)]
    assert size_pairs([left, NUMBER, right]) == []


def test_the_title_of_a_size_has_what_tells_it_from_another() -> None:
    """The labels of its numbers stay short, so that both are on one line."""
    wide = replace(NUMBER, key="5.width", node="5", input="width", label=labelled("Width", "Low"))
    high = replace(
        NUMBER, key="5.height", node="5", input="height", label=labelled("Height", "Low")
    )
    values: dict[str, Any] = {wide.key: 512, high.key: 512}
    with gr.Blocks(analytics_enabled=False) as page:
        controls = draw_size("", wide, high, values, ())
    assert [str(one.components[0].label) for one in controls] == ["Width", "Height"]
    ratios = next(one for one in page.blocks.values() if "ratios" in one.elem_classes)
    assert "Aspect ratio (Low)" in str(ratios.js_on_load)


def test_a_slider_reaches_a_value_beyond_its_range() -> None:
    """A user's value from an earlier visit is within the slider's ends."""
    field = replace(NUMBER, kind=KINDS["slider"], slide=SlideRange(1, 50, 1))
    for value, high in [(20, 50), (150, 200), (9000, 10000)]:
        slider = control_of(field, value).components[0]
        assert (slider.minimum, slider.maximum, slider.value) == (1, high, value)
        assert "slides-beyond" in slider.elem_classes


def test_labels_below_their_nodes_title_do_not_repeat_it() -> None:
    """The title already tells the fields apart. The labels drop those words. Labels that would
    become equal stay unchanged."""
    told = [("Steps", "Pass 20"), ("Shift", "Base")]
    fields = [replace(NUMBER, label=labelled(*one)) for one in told]
    assert [one.label for one in below_title("Sampler: Pass 20", fields)] == [
        "Steps",
        "Shift (Base)",
    ]
    same = [replace(NUMBER, label=labelled("Text", where)) for where in ("Pass", "20")]
    assert list(below_title("Pass 20", same)) == same


def labelled(*of: str) -> str:
    return distinct([Wanted(of[0], of[1:]), Wanted(of[0], ["elsewhere"])])[0]


def test_a_file_is_added_below_the_last() -> None:
    """The button doesn't part the images that the author put in a row."""
    first = replace(TEXT, key="1.image", kind=KINDS["image"], default=None, grows="3.image_2")
    second = replace(first, key="2.image", grows=None)
    with gr.Blocks() as page:
        list(
            draw_group(
                "", [first, second, TEXT], dict.fromkeys(("1.image", "2.image", "6.text")), ()
            )
        )
    drawn = [type(one).__name__ for one in page.blocks.values()]
    assert [one for one in drawn if one in ("Image", "Button", "Textbox")] == [
        *("Image", "Image"),
        *("Button", "Textbox"),
    ]
