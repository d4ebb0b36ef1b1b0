"""Names of arguments and tools that any program accepts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.forms import form_of, text_to_image
from ui.api.named_workflows import argument_names, plain_word, unique_name, workflow_names


def test_an_argument_name_comes_from_the_label() -> None:
    """The name drops accents and symbols. A label without ASCII letters or digits gives no name."""
    assert plain_word("Negative prompt") == "negative_prompt"
    assert plain_word("Größe (px)") == "groe_px"
    assert plain_word("提示词") == ""


def test_two_things_never_have_one_name() -> None:
    """The second name gets a number."""
    assert unique_name("seed", {"seed", "seed_2"}) == "seed_3"
    assert workflow_names((name, name) for name in ("a b", "a-b", "提示词")) == {
        "a_b": "a b",
        "a_b_2": "a-b",
        "workflow": "提示词",
    }


def test_every_visible_field_is_an_argument() -> None:
    """Each argument name is one word in every programming language, and no two names are the
    same."""
    form = form_of(text_to_image())
    names = argument_names(form)
    assert names.keys() == {field.key for field in form.fields if field.group != "hidden"}
    assert len(set(names.values())) == len(names)
    assert all(name.isidentifier() for name in names.values())


@given(st.lists(st.text(), unique=True))
def test_every_workflow_has_a_tool_that_assistants_take(names: list[str]) -> None:
    """The tool name is valid, regardless of the workflow's name."""
    tools = workflow_names((name, name) for name in names)
    assert sorted(tools.values()) == sorted(names)
    assert all(re.fullmatch(r"[a-z0-9_]{1,64}", tool) for tool in tools)
