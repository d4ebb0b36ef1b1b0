"""Names in file prefixes, substituted as the editor does before it queues."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from form_samples import node
from hypothesis import given
from hypothesis import strategies as st

from comfy.file_prefix import NamedNode, aliases_of, format_date, substitute, substitute_prompt

NOW = datetime(2025, 3, 7, 16, 5, 9)
NODES = (
    NamedNode("KSampler", "First pass", {"seed": 18446744073709551615, "cfg": 8.0, "denoise": 0.55, "on": True}),
    NamedNode("KSampler", "Second pass", {"seed": 2}),
    NamedNode("CheckpointLoaderSimple", "KSampler", {"ckpt_name": 'sd\\xl/base:1"?.safetensors', "none": None}),
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd", "2025-03-07"),
        ("yyyyMMddhhmmss", "20250307160509"),
        ("d.M.yy", "7.3.25"),
        ("h:m:s", "16:5:9"),
        ("hh-mm", "16-05"),
        ("y yyy", "y yyy"),
        ("QQ", "QQ"),
        ("", ""),
    ],
)
def test_dates_follow_the_editors_letters(pattern: str, expected: str) -> None:
    """One letter is the bare number, two pad it; the year has two or four digits."""
    assert format_date(pattern, NOW) == expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("ComfyUI", "ComfyUI"),
        ("%date:yyyy-MM-dd%/image", "2025-03-07/image"),
        ("a_%date:yyyy%_%date:MM%", "a_2025_03"),
        ("%KSampler.seed%", "18446744073709551615"),
        ("%KSampler.cfg%_%KSampler.denoise%_%KSampler.on%", "8_0.55_true"),
        ("%Second pass.seed%", "2"),
        ("%CheckpointLoaderSimple.ckpt_name%", "sd_xl_base_1__.safetensors"),
        ("x%CheckpointLoaderSimple.none%", "x"),
        ("%width%x%height%_%year%", "%width%x%height%_%year%"),
        ("%Nobody.seed% %KSampler.nothing% %a.b.c%", "%Nobody.seed% %KSampler.nothing% %a.b.c%"),
        ("100% %KSampler.seed%", "100% %KSampler.seed%"),
        ("%%", "%%"),
    ],
)
def test_names_become_values(prefix: str, expected: str) -> None:
    """Aliases before titles, the first node of several; what leads nowhere, and what is the server's, stays."""
    assert substitute(prefix, NODES, NOW) == expected


def test_a_value_cannot_choose_a_folder() -> None:
    """Slashes and other characters no file name may hold become underscores, whoever typed them."""
    nodes = [NamedNode("A", "A", {"text": "../../etc/pass\x00wd\n"})]
    assert substitute("out/%A.text%", nodes, NOW) == "out/.._.._etc_pass_wd_"


def test_the_prefixes_of_a_prompt_are_substituted() -> None:
    """By class type and title; links have no value, other inputs are left alone, the prompt given is not changed."""
    prompt = {
        "3": node("KSampler", "Main", seed=7, steps=["9", 0]),
        "9": node("SaveImage", "Save", filename_prefix="%Main.seed%_%KSampler.steps%_%date:yy%", images=["8", 0]),
        "10": node("Note", text="%Main.seed%"),
    }
    substituted, changed = substitute_prompt(prompt, NOW)
    assert substituted["9"]["inputs"]["filename_prefix"] == "7_%KSampler.steps%_25"
    assert changed == {"9.filename_prefix": "7_%KSampler.steps%_25"}
    assert substituted["10"] == prompt["10"]
    assert prompt["9"]["inputs"]["filename_prefix"].startswith("%Main")


def test_a_linked_prefix_stays_linked() -> None:
    """A prefix that comes through a link is not there to be substituted."""
    prompt = {"9": node("SaveImage", filename_prefix=["3", 0])}
    assert substitute_prompt(prompt, NOW) == (prompt, {})


GRAPH: dict[str, Any] = {
    "nodes": [
        {"id": 3, "type": "KSampler", "properties": {"Node name for S&R": "sampler"}},
        {"id": 70, "type": "abc", "properties": {}},
        {"id": 4, "type": "KSampler"},
    ],
    "definitions": {
        "subgraphs": [
            {"id": "abc", "nodes": [{"id": 39, "type": "def"}, {"id": 1, "properties": {"Node name for S&R": "x"}}]},
            {"id": "def", "nodes": [{"id": 5, "type": "CLIP", "properties": {"Node name for S&R": "deep"}}]},
        ]
    },
}


def test_names_given_in_a_graph_are_found_inside_subgraphs() -> None:
    """A node's name for prefixes is a property in the graph; ids are those of the prompt."""
    assert aliases_of(GRAPH) == {"3": "sampler", "70:1": "x", "70:39:5": "deep"}
    prompt = {
        "70:39:5": node("CLIP", "title", text="cat"),
        "9": node("SaveImage", filename_prefix="%deep.text%_%CLIP.text%"),
    }
    substituted, _ = substitute_prompt(prompt, NOW, aliases_of(GRAPH))
    assert substituted["9"]["inputs"]["filename_prefix"] == "cat_%CLIP.text%"


@pytest.mark.parametrize("graph", [{}, {"nodes": 7}, {"nodes": [None, {}]}, {"definitions": {"subgraphs": [1, {}]}}])
def test_a_broken_graph_names_nothing(graph: dict[str, Any]) -> None:
    """Whatever is missing, the answer is a table."""
    assert all(isinstance(alias, str) for alias in aliases_of(graph).values())


def test_a_subgraph_that_holds_itself_ends() -> None:
    """Cycles and doubling are cut."""
    inside = {"id": "a", "nodes": [{"id": n, "type": "a", "properties": {"Node name for S&R": "n"}} for n in range(9)]}
    graph = {"nodes": [{"id": 1, "type": "a"}], "definitions": {"subgraphs": [inside]}}
    assert len(aliases_of(graph)) <= 11_000


@given(st.text(alphabet="%.dateyM:K ", max_size=40))
def test_any_prefix_gives_a_text(prefix: str) -> None:
    """Stray percent signs and dots are only text."""
    assert isinstance(substitute(prefix, NODES, NOW), str)
