"""Checks of the contributor pages: paths, names, commands and the layer diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.runs import reconnect
from comfyui_standin.server import faults
from tests.test_architecture import COMFY, FLOORS, STARTING_IT, UI
from tools.docs_site import parts_pages

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "CONTRIBUTING.md",
        "comfyui_standin/README.md",
        "docs/adding.md",
        "docs/architecture.md",
        "docs/comfyui.md",
        "docs/glossary.md",
        "docs/plugins.md",
        "tests/README.md",
    )
}
ARCHITECTURE, CONTRIBUTING = PAGES["docs/architecture.md"], PAGES["CONTRIBUTING.md"]
FOLDERS = r"(?:app\.py|\.ci|comfyforms|comfyui_standin|comfy|ui|tests|tools|docs|workflows)"
NAMED = sorted(
    {
        (page, *found)
        for page, text in PAGES.items()
        if page != "docs/comfyui.md"  # it names files of ComfyUI
        for found in re.findall(rf"`({FOLDERS}(?:/[\w./-]+)?)(?:::(\w+))?`", text)
    }
)


def diagram() -> Iterator[str]:
    """Yield the lines of the layer diagram, from the top."""
    yield "app"
    for side, floors in (("ui", UI), ("comfy", COMFY)):
        for number, floor in enumerate(reversed(floors.split("\n")[1:-1])):
            yield f"{side if number == 0 else '':<7}{' · '.join(sorted(floor.split()))}"


def test_the_diagram_shows_the_floors_that_are_held() -> None:
    """The diagram in docs/architecture.md has the order of tests/test_architecture.py."""
    drawn = re.findall(r"```text\n(.*?)```", ARCHITECTURE, re.S)
    assert drawn == ["\n".join(diagram()) + "\n"]


def cells(text: str) -> list[tuple[str, str]]:
    """Return the two cells of each table row, without the header."""
    rows = [line.strip("|").split("|") for line in text.strip().splitlines()[2:]]
    return [(seen.strip(), done.strip()) for seen, done in rows]


def table_in(text: str) -> str:
    """Return the table of observations and actions."""
    return re.findall(r"(?:^\|.*\n)+", text[text.index("| observation") :], re.M)[0]


def test_the_reconnect_policy_matches_the_code() -> None:
    """The table in docs/architecture.md matches the docstring of comfy/runs/reconnect.py. In the
    docstring a row may take several lines."""
    lines = iter(cells(table_in(reconnect.__doc__ or "")))
    for row in cells(table_in(ARCHITECTURE)):
        seen, done = next(lines)
        while (seen, done) != row and row[0].startswith(seen) and row[1].startswith(done):
            more = next(lines, None)
            assert more is not None, (seen, done)
            seen, done = f"{seen} {more[0]}".strip(), f"{done} {more[1]}".strip()
        assert (seen, done) == row
    assert next(lines, None) is None


def test_every_package_is_explained() -> None:
    """Each folder of the program has a table row, and each row names a folder."""
    rows = set(re.findall(r"^\| `((?:comfy|ui)/\w+)` \|", ARCHITECTURE, re.M))
    parts = {"/".join(part.split(".")[:2]) for part in FLOORS}
    assert rows == {place for place in parts if (ROOT / place).is_dir()}


@pytest.mark.parametrize(("page", "path", "symbol"), NAMED)
def test_every_path_and_symbol_on_a_page_exists(page: str, path: str, symbol: str) -> None:
    """Each path exists, and the name after `::` is defined there."""
    place = ROOT / path
    assert place.exists()
    if symbol:
        defined = (
            rf"^(?:class |def |async def |export (?:async )?function )?{symbol}\b(?=[\s(:=\[])"
        )
        assert re.search(defined, place.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Links into the project lead to existing files."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]):
        assert target.startswith("http") or ((ROOT / page).parent / target).exists(), target


def test_setup_and_tests_match_the_readme() -> None:
    """The README sets up and tests with a single command. The contributor page splits it into two
    parts."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    together = next(line for line in readme.splitlines() if "pytest -q" in line)
    setup, tests = together.rsplit(" && ", 1)
    assert setup in CONTRIBUTING
    assert f"`{tests}`" in CONTRIBUTING


def test_the_readme_leads_to_every_page() -> None:
    """A reader who starts at the README finds all the pages, and the changelog. Plugins' pages
    are in one folder, so that a new plugin changes nothing else."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    plugins = "comfyforms/plugins"
    parts = (page for page in parts_pages() if not page.startswith(plugins))
    pages = (*PAGES, *parts, plugins, "CHANGELOG.md")
    assert not [name for name in pages if f"]({name})" not in readme]


def test_the_glossary_is_in_order() -> None:
    """Each word has a single row, in alphabetical order, so that readers can find it."""
    words = re.findall(r"^\| ([\w -]+) \| (?!what it means)", PAGES["docs/glossary.md"], re.M)
    words = [word for word in words if word != "word"]
    assert words == sorted(set(words), key=str.lower)


@pytest.mark.parametrize("text", [PAGES["comfyui_standin/README.md"], faults.__doc__ or ""])
def test_documented_fault_examples_are_valid(text: str) -> None:
    """The stand-in accepts each fault in the examples of its page and its docstring, at the place
    shown there."""
    examples = re.findall(r"demo\.script\((.*?)\)", text)
    assert examples
    for example in examples:
        eval(f"Misbehavior({example})", {"Misbehavior": faults.Misbehavior})  # ValueError if not


def test_the_page_lists_the_modules_that_import_the_stand_in() -> None:
    """The stand-in's page names the modules that may import it."""
    assert {name.replace(".", "/") for name in STARTING_IT} == {
        path.removesuffix(".py")
        for path in re.findall(
            r"only `([^`]+)` and `([^`]+)` may", PAGES["comfyui_standin/README.md"]
        )[0]
    }
