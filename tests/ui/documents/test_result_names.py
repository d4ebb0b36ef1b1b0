"""File names of downloaded results."""

from __future__ import annotations

import pytest

from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_state import RunState
from comfy.records.record import Job, Record
from ui.documents.run_doc import result_name, title_in_name


def made(title: str, values: dict[str, object], *names: str) -> Record:
    """Return the record of a run with files of these names."""
    files = tuple(OutputFile(name, "", "output", "image", "9") for name in names)
    job = Job({}, "w", title=title, values=values, prompt_key="2.text")
    return Record("r", "ann", job, 1.0, RunState("r", files=files))


@pytest.mark.parametrize(
    ("title", "values", "named"),
    [
        ("Text to image", {"2.text": "A red cat!", "5.seed": 41}, "Text-to-image_41_A-red-cat.png"),
        ("Up", {"5.noise_seed": 7}, "Up_7.png"),
        ("a/../b", {"2.text": 'so "it" is: <b>, C:\\'}, "a-b_so-it-is-b-C.png"),
        ("W", {"2.text": "many words " * 9}, "W_many-words-many-words-many-words-many.png"),
        ("写真", {"2.text": "灯台" * 40}, f"写真_{'灯台' * 20}.png"),
        ("…", {}, "x_1.png"),
    ],
)
def test_a_file_name_has_the_title_seed_and_words(
    title: str, values: dict[str, object], named: str
) -> None:
    """The name has the workflow, the seed and the first words of the prompt, in letters and digits. Without seed
    and words, it is the server's name."""
    assert result_name(made(title, values, "x_1.png"), 0) == named


def test_several_files_of_a_run_are_numbered() -> None:
    """Each file has a unique name and keeps its extension."""
    run = made("W", {"5.seed": 1}, "a.png", "b.webp")
    assert [result_name(run, at) for at in (0, 1)] == ["W_1_1.png", "W_1_2.webp"]


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("Text-to-image_41_A-red-cat.png", "Text-to-image.png"),
        ("Text-to-image_41_A-red-cat_2 (1).png", "Text-to-image.png"),
        ("写真_41_灯台.webp", "写真.webp"),
        ("Up_7.png", "Up_7.png"),
        ("ComfyUI_00001_.png", "ComfyUI_00001_.png"),
        ("my own.json", "my own.json"),
    ],
)
def test_the_title_is_read_back_from_a_file_name(file: str, title: str) -> None:
    """The app reduces a name with title, seed and words to the title. It leaves other names
    unchanged."""
    assert title_in_name(file) == title
