"""Texts of shipped workflows are translatable messages. Texts of other workflows aren't."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from comfy.base.messages import Message
from comfy.chains.folder import ChainFolder
from comfy.form.build import build_form
from comfy.library.folder import WorkflowFolder
from comfy.workflow.config import SHIPPED, read_config
from comfy.workflow.model import read_workflow
from tests.support.samples.forms import small_catalog

WORKFLOWS = Path(__file__).parents[2] / "workflows"
FILES = {file.name: file for file in WORKFLOWS.rglob("*.toml")}


def test_every_shipped_file_has_its_messages() -> None:
    """The messages cover every shipped file and no other file."""
    assert FILES.keys() == SHIPPED.keys()


@pytest.mark.parametrize("name", FILES)
def test_our_words_are_messages(name: str) -> None:
    """The title, the description and the titles of a chain's steps match the file."""
    if name.endswith(".chain.toml"):
        chain = ChainFolder(WORKFLOWS).get(name.removesuffix(".toml"))
        told = (chain.title, chain.description, *(step.title for step in chain.steps))
        said = told
    else:
        config = read_config(FILES[name])
        told = (config.title, config.description)
        of_fields = [word for one in config.fields for word in (one.label, one.help) if word]
        said = (*told, *of_fields)
    assert told == SHIPPED[name]
    assert [one for one in said if not isinstance(one, Message)] == []


@pytest.mark.parametrize("file", sorted(WORKFLOWS.rglob("*.json")), ids=lambda file: file.stem)
def test_every_shipped_field_has_a_message_as_its_label(file: Path) -> None:
    """A field without a label in the shipped files gets a plain label that is a translatable
    message. Help texts of main fields are messages, too."""
    fields = build_form(read_workflow(file), small_catalog()).fields
    shown = [one for one in fields if one.group != "hidden"]
    assert [one.label for one in shown if not isinstance(one.label, Message)] == []
    helps = [one.tooltip for one in shown if one.group == "main" and one.tooltip]
    assert [one for one in helps if not isinstance(one, Message)] == []


def test_our_folder_is_named_after_its_contents(tmp_path: Path) -> None:
    """The folder's own name would display as "Steps". A user's folder with that name keeps it."""
    ours = {one.folder for one in WorkflowFolder(WORKFLOWS).entries()}
    assert ours == {"", "Parts of other workflows"}
    assert all(isinstance(one, Message) for one in ours if one)
    (tmp_path / "steps").mkdir()
    shutil.copy(WORKFLOWS / "upscale.json", tmp_path / "steps" / "mine.json")
    assert [one.folder for one in WorkflowFolder(tmp_path).entries()] == ["Steps"]


def test_texts_of_users_are_not_translated(tmp_path: Path) -> None:
    """A user's file with a shipped file's name or title keeps its words, and so does a label that a
    user changed in a shipped file."""
    for name, about in (("upscale", "My own."), ("mine", "Enlarge your image and add detail.")):
        file = tmp_path / f"{name}.toml"
        file.write_text(f'title = "Upscale"\ndescription = "{about}"\n')
        config = read_config(file)
        assert (config.title, config.description) == ("Upscale", about)
        assert not isinstance(config.title, Message)
        assert not isinstance(config.description, Message)
    file = tmp_path / "inpaint.toml"
    ours = FILES["inpaint.toml"].read_text(encoding="utf-8")
    file.write_text(ours.replace('label = "Your image"', 'label = "My photo"'), encoding="utf-8")
    image, prompt = read_config(file).fields[:2]
    assert (image.label, isinstance(image.label, Message)) == ("My photo", False)
    assert isinstance(prompt.help, Message)
