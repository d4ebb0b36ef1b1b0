"""Code that relies on a ComfyUI fact cites docs/comfyui.md, and each fact there is cited."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comfyui.md").read_text(encoding="utf-8")
FACTS = {
    int(number): text
    for number, text in re.findall(
        r'^<a id="(\d+)"></a>(\*\*.*?)(?=^<a id=|^## |\Z)', PAGE, re.M | re.S
    )
}
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in ("comfy", "comfyui_standin", "ui", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".js", ".css"} and path != Path(__file__)
}
CITED = {
    name: {int(number) for number in re.findall(r"docs/comfyui\.md#(\d+)", text)}
    for name, text in SOURCES.items()
}
VERSIONS = ("0.3.64", "0.33.0")


def recordings() -> list[tuple[str, str]]:
    """Return each recording that a fact names, with its version. A name without a version stands
    for both versions."""
    named = []
    for source in re.findall(r"ecorded: ([^;\]]*?)\.\*", PAGE.replace("\n", " ")):
        for name, version in re.findall(r"([a-z]+(?:_[a-z]+)+)(?: \(([\d.]+)\))?", source):
            named += [(one, name) for one in ([version] if version else VERSIONS)]
    return named


def test_the_facts_are_numbered_in_order() -> None:
    """Each fact has a single anchor: its number."""
    assert list(FACTS) == list(range(1, len(FACTS) + 1))
    assert PAGE.count("<a id=") == len(FACTS)
    assert all(text.startswith(f"**{number}. ") for number, text in FACTS.items())


@pytest.mark.parametrize("name", [name for name, cited in CITED.items() if cited])
def test_every_citation_leads_to_a_fact(name: str) -> None:
    """Each fact number that the code cites exists."""
    assert not CITED[name] - FACTS.keys()


def test_facts_are_cited_in_one_way() -> None:
    """No comment cites the page by another name or without a fact number."""
    other = re.compile(r"(?<!docs/)comfyui\.md|comfyui#\d|docs/comfyui\.md(?!#\d)", re.IGNORECASE)
    elsewhere = {name for name, text in SOURCES.items() if other.search(text)}
    assert not {name for name in elsewhere if not name.startswith("tests/docs/")}


def test_every_fact_is_cited() -> None:
    """A fact that no code relies on is marked as background."""
    cited = set().union(*CITED.values())
    idle = {number for number, text in FACTS.items() if not text.rstrip().endswith("Background.")}
    assert not idle - cited


def test_every_fact_has_a_source() -> None:
    """The source stands at the end of the fact, in italics."""
    without = {
        number
        for number, text in FACTS.items()
        if not re.search(r"\*[^*]+\.\*( Background\.)?$", text.rstrip())
    }
    assert not without


@pytest.mark.parametrize(("version", "name"), recordings())
def test_every_recording_that_is_named_is_there(version: str, name: str) -> None:
    """The scenario exists in tests/data/recordings for the named version, or for both."""
    assert (ROOT / "tests" / "data" / "recordings" / version / f"{name}.jsonl").is_file()


def test_links_inside_the_page_lead_to_facts() -> None:
    """Facts link to each other by number."""
    assert {int(number) for number in re.findall(r"\]\(#(\d+)\)", PAGE)} <= FACTS.keys()


def test_named_tests_exist() -> None:
    """A test file that the page's script or style names is there."""
    named = {
        (name, path)
        for name, text in SOURCES.items()
        if name.endswith((".js", ".css"))
        for path in re.findall(r"\btests/[\w/]+\.(?:py|js)\b", text)
    }
    assert named
    assert not {(name, path) for name, path in named if not (ROOT / path).is_file()}
