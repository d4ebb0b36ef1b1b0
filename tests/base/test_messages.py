"""Messages of the UI, and the known names that they suggest."""

from __future__ import annotations

import ast
import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.messages import (
    Message,
    listed,
    message,
    message_from_json,
    message_to_json,
    plural,
    sentences,
)
from comfy.base.wording import plain_words, title_words

TEXTS = st.text(st.characters(codec=None), max_size=10)
NAMES = st.sampled_from(["first", "second", "third"])
VALUES = st.recursive(
    TEXTS | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.builds(
        lambda values: Message(" ".join(f"{{{name}}}" for name in values) or "None.", "", values),
        st.dictionaries(NAMES, inner, max_size=3),
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | NAMES, inner, max_size=3),
)
FORMS = st.sampled_from(["{first}", "{first.x}", "{first:>9}", "{first!r}", "{0}", "{", "}", "{{"])
COMFY = Path(__file__).parents[2] / "comfy"
# Texts that only the shell shows: about settings and databases at the start, and by the commands.
OF_A_SHELL = {
    "address.py",
    "database.py",
    "object_info.py",
    "cli",
    "demo",
}
SOURCES = {
    str(file.relative_to(COMFY)): file
    for file in COMFY.rglob("*.py")
    if OF_A_SHELL.isdisjoint(file.relative_to(COMFY).parts)
}
# Texts per file that only workflow authors, programs and administrators read. They stay in English.
IN_ENGLISH = {
    **{"batches/content.py": 3, "comfyui/client/client.py": 2, "graph/group_nodes.py": 1},
    **{"graph/links.py": 2, "graph/schema.py": 2, "graph/use_everywhere.py": 3},
    **{
        "launch/payment.py": 1,
        "local_comfyui/installation.py": 10,
        "local_comfyui/supervisor.py": 2,
    },
    **{"local_comfyui/install_node.py": 8, "media/gif.py": 1, "media/reader.py": 1},
    **{"prompt/shapes.py": 4, "records/blobs.py": 4, "records/rows.py": 1, "records/tables.py": 1},
    **{"requirements/lock.py": 6, "runs/attempt.py": 2, "runs/run.py": 2},
    **{"workflow/model.py": 3},
}
TOLD = {
    *("ComfyError", "DiskFull", "PromptRejected", "RunNotFound", "ServerError"),
    *("ServerUnreachable", "UploadRejected", "WorkflowError"),
    *("BadValue", "DamagedFile", "Refused", "RunError", "Undecodable"),
}


def bare_texts(file: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in TOLD:
            for said in (*call.args, *(one.value for one in call.keywords)):
                if isinstance(said, ast.JoinedStr) or (
                    isinstance(said, ast.Constant) and isinstance(said.value, str) and said.value
                ):
                    yield f"{file.name}:{said.lineno}"


@pytest.mark.parametrize("name", SOURCES)
def test_errors_for_users_are_messages(name: str) -> None:
    """Every text of an exception or a hint is a message, except for those counted in the table of
    English texts."""
    found = list(bare_texts(SOURCES[name]))
    assert len(found) == IN_ENGLISH.get(name, 0), found


def parts(text: object) -> object:
    if not isinstance(text, Message):
        return text
    values = {name: parts(value) for name, value in text.values.items()}
    return str(text), text.sentence, text.plural, values


def test_a_message_is_its_english_text_and_knows_its_sentence() -> None:
    """Nested messages and braces in values stay intact. An exception, a copy and a pickle of a
    message all give the same message."""
    why = message("It is {size} MB.", size=3)
    whole = message("{name}: {value}", name="{a}.png", value=why)
    assert whole == "{a}.png: It is 3 MB."
    assert (whole.sentence, dict(whole.values)) == (
        "{name}: {value}",
        {"name": "{a}.png", "value": why},
    )
    for same in (str(ValueError(whole)), copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        assert parts(same) == parts(whole)
    assert message("Braces {} stay without values.") == "Braces {} stay without values."


def test_a_plural_has_a_form_for_one_and_for_several() -> None:
    """A count of 0 uses the plural."""
    said = [plural("{count} run", "{count} runs", count=count) for count in (0, 1, 2)]
    assert said == ["0 runs", "1 run", "2 runs"]


def test_sentences_and_names_in_a_row_are_messages() -> None:
    """Empty texts are skipped, and a single message comes back unchanged."""
    first, second = message("First."), message("Second.")
    assert sentences("", first, "", second) == "First. Second."
    assert isinstance(sentences(first, second), Message)
    assert sentences(first) is first
    assert sentences() == ""
    assert listed(["a", "b", "c"]) == "a, b, c"


def test_a_long_list_is_kept_whole() -> None:
    """A list survives JSON even if it has more names than the nesting limit of messages."""
    names = [f"name {number}" for number in range(333)]
    read = message_from_json(message_to_json(listed(names)))
    assert read == ", ".join(names)


@given(VALUES)
def test_messages_round_trip_through_json(value: object) -> None:
    """Nested messages come back too, and a plain text comes back as the same text."""
    told = json.loads(json.dumps(message_to_json(message("{value}!", value=value))))
    assert parts(message_from_json(told)) == parts(message("{value}!", value=value))


def test_a_plural_comes_back_from_json() -> None:
    """The plural form comes back too. Values that are neither text nor numbers come back as
    text."""
    told = message_to_json(plural("{count} in {place}", "{count} in {place}s", count=2, place=...))
    back = message_from_json(json.loads(json.dumps(told)))
    assert isinstance(back, Message)
    assert (back.plural, back.values["count"]) == ("{count} in {place}s", 2)
    assert back == "2 in Ellipsiss"


@given(
    JSON
    | st.fixed_dictionaries(
        {
            "sentence": TEXTS | FORMS,
            "plural": st.just("") | TEXTS | FORMS,
            "values": JSON | st.dictionaries(NAMES | st.just("count"), JSON),
        }
    )
)
def test_untrusted_json_is_read_without_an_error(told: object) -> None:
    """JSON that isn't a message comes back unchanged. A sentence with invalid values comes back as
    plain text without them."""
    read = message_from_json(told)
    if isinstance(read, Message):
        assert isinstance(told, dict)
        assert read.sentence == told["sentence"]
    elif isinstance(told, dict) and isinstance(read, str):
        assert read == told["sentence"]


@pytest.mark.parametrize(
    "sentence", ["{first.__class__}", "{first:>99999999999}", "{first!r}", "{0}", "{", "{other}"]
)
def test_unsupported_placeholders_are_shown_unformatted(sentence: str) -> None:
    """The app never writes placeholders with attributes, widths or unknown names, so the reader
    shows such a sentence unformatted."""
    told = {"sentence": sentence, "plural": "", "values": {"first": "x"}}
    assert message_from_json(told) == sentence


def test_deeply_nested_message_values_are_dropped() -> None:
    """The reader drops values that are nested too deeply and keeps the sentence around them."""
    told: dict[str, object] = {"sentence": "Deep.", "plural": "", "values": {}}
    for _ in range(900):
        told = {"sentence": "In {it}", "plural": "", "values": {"it": told}}
    read = message_from_json(told)
    assert isinstance(read, str)
    assert read.startswith("In In ")


def test_values_can_not_multiply_at_each_level() -> None:
    """A long value stays whole. One that each level would repeat is dropped in time."""
    long_value = "x" * 300_000
    told: object = {"sentence": "{it}!", "plural": "", "values": {"it": long_value}}
    assert message_from_json(told) == f"{long_value}!"
    told = "x"
    for _ in range(39):
        told = {"sentence": "{it}{it}{it}", "plural": "", "values": {"it": told}}
    read = message_from_json(told)
    assert isinstance(read, str)
    assert len(read) <= 100_000


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("text-to-image", "Text to image"),
        ("api_google_nano_banana2_text_to_image", "Google Nano Banana 2 text to image"),
        ("llm_qwen3vl_text_gen", "Qwen 3 VL text gen"),
        ("3d_hunyuan3d_image_to_model", "Hunyuan3D image to model"),
        ("sdxl_simple_example", "SDXL simple example"),
        ("video_wan2_2_14B_i2v", "Wan 2.2 14B I2V"),
        ("contact_sheet-step_1", "Contact sheet step 1"),
        ("my holiday in Spain", "My holiday in Spain"),
        ("swarmui_exampleworkflows_basic_sdxl", "SwarmUI basic SDXL"),
        ("x_flux_workflows_ip_adapter_workflow", "X Flux IPAdapter"),
        ("my_workflow", "My workflow"),
        ("image_z_image_turbo", "Z-Image turbo"),
        ("audio_ace_step_1_5_checkpoint", "ACE step 1.5 checkpoint"),
        ("utility_image_stitch", "Image stitch"),
        ("image_to_image", "Image to image"),
        ("video_editing_steps", "Video editing steps"),
        ("image_kps", "Image KPS"),
    ],
)
def test_file_names_become_titles(name: str, title: str) -> None:
    """Acronyms, names and versions are spelled as usual. Other words stay unchanged."""
    assert title_words(name) == title


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("model3d", "3D model"),
        ("crf", "Quality (CRF)"),
        ("pix_fmt", "Pixel format"),
        ("rgb_master", "RGB master"),
        ("start_at_step", "Start at step"),
        ("model.resolution", "Resolution"),
        ("loras.0.lora_name", "LoRA"),
    ],
)
def test_input_names_become_labels(name: str, label: str) -> None:
    """Labels spell acronyms in capitals and avoid jargon."""
    assert plain_words(name) == label
