"""The parts of a prompt, and the sorting of items by their dependencies."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.prompt.model import InputRef, Link, links, sources_first, written_title
from tests.support.distribution import examples

NAMES = st.sampled_from("abcdefgh")
ARROWS = st.lists(st.tuples(NAMES, NAMES), max_size=20)


def test_an_input_has_one_spelling() -> None:
    """Fields, URLs and scripts name an input by its node and name."""
    assert InputRef("70:39", "model.steps").key == "70:39.model.steps"
    assert InputRef("6", "text") == ("6", "text")


def test_links_are_read_from_the_inputs() -> None:
    """Only lists of a node id and a slot are links; ids may be numbers."""
    node = {"class_type": "A", "inputs": {"a": ["4", 1], "b": 3, "c": [5, 0], "d": ["x"]}}
    assert dict(links(node)) == {"a": Link("4", 1), "c": Link("5", 0)}


def test_a_title_keeps_its_exact_text() -> None:
    """The title keeps every character, because other programs' notation is read from it."""
    node = {"class_type": "A", "inputs": {}, "_meta": {"title": " <Base :prompt:1> "}}
    assert written_title(node) == " <Base :prompt:1> "
    assert written_title({"class_type": "A", "inputs": {}}) == ""


@settings(max_examples=examples(200))
@given(ARROWS)
def test_sources_come_first(arrows: list[tuple[str, str]]) -> None:
    """Each node comes once, after all its sources. Nodes in a cycle, or behind one, come in a
    separate list."""
    users: dict[str, list[str]] = {name: [] for name in "abcdefgh"}
    needs = dict.fromkeys(users, 0)
    for source, user in arrows:
        users[source].append(user)
        needs[user] += 1
    ready, ring = sources_first(users, needs)
    assert sorted(ready + ring) == sorted(users)
    place = {name: number for number, name in enumerate(ready)}
    for source, user in arrows:
        assert user in ring or place[source] < place[user]
    for name in ring:
        assert any(user == name and source in ring for source, user in arrows)
