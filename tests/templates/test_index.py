"""Lists of templates as servers send them."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.requirements.model import Declared, NodePack
from comfy.templates.index import pack_templates, templates_in, texts_in, with_texts


def index_of(*entries: dict[str, Any], title: str = "Video", **category: Any) -> Any:
    return [{"moduleName": "default", "title": title, "templates": list(entries), **category}]


def entry(name: str = "boat", **more: Any) -> dict[str, Any]:
    return {"name": name, "title": "A boat", "mediaType": "image", "mediaSubtype": "webp", **more}


def test_an_entry_becomes_a_template() -> None:
    """The page shows nothing else about it."""
    (template,) = templates_in(
        index_of(
            entry(
                description="Sails.",
                tags=["Image to Video", 3],
                models=["Wan 2.2"],
                size=2e9,
                usage=120,
                date="2026-08-02",
                minComfyUIVersion="0.41.0",
                requiresCustomNodes=["a-pack"],
                io={
                    "inputs": [{"mediaType": "image", "file": "boat.png"}],
                    "outputs": [{"mediaType": "video", "file": "x.mp4"}],
                },
            )
        )
    )
    assert (template.id, template.title, template.description) == ("boat", "A boat", "Sails.")
    assert (template.category, template.tags, template.models) == (
        "Video",
        ("Image to Video",),
        ("Wan 2.2",),
    )
    assert (template.inputs, template.outputs, template.files) == (
        ("image",),
        ("video",),
        ("boat.png",),
    )
    assert template.declared == Declared(2_000_000_000, (NodePack("a-pack"),), "0.41.0")
    assert template.path == "/templates/boat.json"
    assert template.image_path() == "/templates/boat-1.webp"
    assert (template.usage, template.date) == (120, "2026-08-02")


@pytest.mark.parametrize(
    "name", ["", "../boat", "a/b", "a\\b", "a b", "..", ".", "a%2fb", "a?b", "é", "x" * 300, 3, None]
)  # fmt: skip
def test_names_that_are_no_plain_file_names_are_dropped(name: object) -> None:
    """A name becomes a part of a path on the server."""
    assert templates_in(index_of(entry(), {**entry(), "name": name})) == templates_in(
        index_of(entry())
    )


@pytest.mark.parametrize("junk", [None, 3, {}, [3], [{"templates": 3}], [{"templates": [3]}]])
def test_no_index(junk: object) -> None:
    """A page, or a list of something else, has no templates."""
    assert templates_in(junk) == ()
    assert pack_templates(junk) == ()
    assert texts_in(junk) == {}


def test_wrong_values_are_ignored() -> None:
    """The template stays without them."""
    (template,) = templates_in(
        index_of(entry(usage=-3, size="big", mediaSubtype="../x", date="soon", io=7, tags="a"))
    )
    assert (template.usage, template.declared.size, template.thumbnail) == (0, 0, "")
    assert (template.date, template.inputs, template.tags) == ("", (), ())


def test_texts_are_one_short_line() -> None:
    """They come from the server."""
    (template,) = templates_in(index_of(entry(title="a\n\x00b" + "c" * 500)))
    assert template.title.startswith("a bcc")
    assert len(template.title) == 120


@pytest.mark.parametrize(
    ("category", "outputs"),
    [
        ({"type": "video"}, ("video",)),
        ({"type": "llm"}, ("text",)),
        ({"type": "image", "isEssential": True}, ()),
        ({}, ()),
    ],
)
def test_a_category_may_tell_the_output(category: dict[str, Any], outputs: tuple[str, ...]) -> None:
    """Older indexes don't list outputs for every template. Mixed categories tell nothing."""
    (template,) = templates_in(index_of(entry(), **category))
    assert template.outputs == outputs


def test_each_template_counts_once_and_archived_ones_never() -> None:
    """Some are in several categories."""
    found = templates_in(index_of(entry(), entry(title="B"), entry("old", status="archived")))
    assert [(one.id, one.title) for one in found] == [("boat", "A boat")]


def test_packs_bring_templates() -> None:
    """Their names may have spaces, but no path."""
    (template,) = pack_templates({"some_pack": ["My first", "a/b", 3], "..": ["x"], "p": 3})
    assert (template.id, template.title) == ("some_pack/My first", "My first")
    assert template.path == "/api/workflow_templates/some_pack/My%20first.json"
    assert template.path_of("a b.png") == "/api/workflow_templates/some_pack/a%20b.png"


def test_texts_in_another_language() -> None:
    """Missing ones stay English; node packs have none."""
    (template,) = templates_in(index_of(entry(description="Sails.")))
    texts = texts_in(index_of(entry(title="Ein Boot"), title="Filme"))
    german = with_texts(template, texts)
    assert (german.title, german.description, german.category) == ("Ein Boot", "Sails.", "Filme")
    (other,) = pack_templates({"pack": ["boat"]})
    assert with_texts(other, texts) == other
