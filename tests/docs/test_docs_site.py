"""The documentation site has every page once, and its links lead to its own pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.test_readme import is_of_removed_plugin
from tools.docs_site import START, llms_txt, page_text, pages_in, project, sections_in

ROOT = Path(__file__).parents[2]
PROJECT = project()
PAGES = [page for _, page in pages_in(PROJECT["nav"])]
WAYS_IN = ("Use it", "Windows", "Run it for a team", "Program it")  # sections of the navigation


def test_every_page_of_the_docs_is_in_the_navigation_once() -> None:
    """A page that isn't in the navigation can't be found on the site."""
    assert len(PAGES) == len(set(PAGES))
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    assert pages <= set(PAGES)


def test_a_page_about_a_way_in_is_short() -> None:
    """A reader who comes for one subject gets a page of at most twelve screens of a phone."""
    pages = {page for section, (_, page) in sections_in(PROJECT["nav"]) if section in WAYS_IN}
    short = {page for page in pages if page.startswith("docs/")} - {
        "docs/plugins.md",
        "docs/api_endpoints.md",
    }
    words = {page: len((ROOT / page).read_text(encoding="utf-8").split()) for page in short}
    assert {page: number for page, number in words.items() if number > 1500} == {}


def test_links_to_pages_stay_and_links_to_code_become_text() -> None:
    """The site has no source files, and the README is its start page without front matter."""
    readme = page_text(START, [START, *PAGES])
    assert readme.startswith("\n# ComfyForms")
    assert "[You have a link](docs/users.md)" in readme  # the title, for the file's name
    for part in (page for page in PAGES if page.endswith("/docs.md")):
        assert "](../../../docs/" not in page_text(part, [START, *PAGES])
    operating = page_text("docs/operating.md", [START, *PAGES])
    assert "[Changelog](../CHANGELOG.md)" in operating
    assert "](../comfyforms/comfyui_node" not in operating


@pytest.mark.parametrize("page", [START, *PAGES[1:]])
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    """Links and images into the project lead to existing files and headings."""
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.S)
    for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
        if target.startswith(("http", "mailto:")) or is_of_removed_plugin(target):
            continue
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        if heading:
            leads_to = file.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.+)$", leads_to, re.M)
            there = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
            there.update(re.findall(r'<a id="(\w+)">', leads_to))
            assert heading in there, (target, heading)


def test_the_index_for_language_models_lists_every_page() -> None:
    """Each page has a line with its title and address."""
    text = llms_txt(PROJECT)
    assert text.startswith("# ComfyForms\n\n> ")
    assert "## Use it\n\n- [You have a link](docs/users/)" in text
    assert text.count("\n- [") == len(PAGES)


@pytest.mark.parametrize("page", [START, *PAGES[1:]])
def test_table_cells_are_short(page: str) -> None:
    """Longer texts belong below the table: on a phone, a column is a few words wide."""
    text = re.sub(r"<!--.*?-->", "", (ROOT / page).read_text(encoding="utf-8"))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    shown = [re.sub(r"\]\([^)]*\)", "]", cell) for cell in cells]
    assert not [cell for cell in shown if len(cell) > 200]
