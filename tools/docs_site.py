"""Builds the documentation site into build/docs/site, from the pages that the repository shows.

    python -m tools.docs_site [FOLDER]

docs/site.toml has the navigation. The page of a part names its section there in a comment, with
its number among them if the order matters, and takes the place of "parts". Without a comment, it is
in a section of its own. A link to another page of the site stays a link; a file's name becomes the
page's title. A link to a file that the site doesn't have, such as source code, becomes its text.
The build fails on each link to a page or heading that doesn't exist. Also writes llms.txt: an index
of the pages for language models.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "site.toml"
START = "README.md"  # the page that is the site's index
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
SECTION = re.compile(r"<!-- section: (\D+?)(?: (\d))? -->")  # of a part's page
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)


def main(arguments: list[str]) -> int:
    """Build the site in the folder, and return the builder's exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / "build" / "docs"
    write_pages(folder / "pages")
    settings = tomlkit.parse(SETTINGS.read_text(encoding="utf-8"))
    settings["project"]["nav"] = on_site(project()["nav"])
    (folder / "zensical.toml").write_text(tomlkit.dumps(settings), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    built = subprocess.run([*command, "-f", "zensical.toml"], cwd=folder, check=False)
    if built.returncode == 0:
        index = llms_txt(project())
        (folder / "site" / "llms.txt").write_text(index, encoding="utf-8")
    return built.returncode


def project() -> dict[str, Any]:
    """Return the site's settings, with the pages of parts in the navigation."""
    settings: dict[str, Any] = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["project"]
    parts: dict[str, list[dict[str, str]]] = {}
    for (section, _), page in sorted((section_of(page), page) for page in parts_pages()):
        parts.setdefault(section, []).append({title_of(page): page})

    def with_parts(section: str, inside: Any) -> Any:
        if isinstance(inside, str):
            return inside
        filled = ([page] if page != "parts" else parts.pop(section, []) for page in inside)
        return [page for pages in filled for page in pages]

    nav = [
        {name: with_parts(name, into) for name, into in entry.items()} for entry in settings["nav"]
    ]
    return settings | {"nav": [*nav, *({name: pages} for name, pages in parts.items())]}


def title_of(page: str) -> str:
    """Return a page's first heading."""
    found = re.search(r"^# (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.M)
    return found[1] if found else page


def section_of(page: str) -> tuple[str, str]:
    """Return a part's section in the navigation and its number there."""
    found = SECTION.search((ROOT / page).read_text(encoding="utf-8"))
    return (found[1], found[2] or "9") if found else ("Parts", "")


def parts_pages() -> list[str]:
    """Return the pages of parts, `docs.md` in their folders."""
    pages = (ROOT / "comfyforms").glob("**/docs.md")
    return sorted(page.relative_to(ROOT).as_posix() for page in pages)


def site_path(page: str) -> str:
    """Return the path of a page on the site."""
    if page == START:
        return "index.md"
    return f"docs/{Path(page).parent.name}.md" if Path(page).name == "docs.md" else page


def on_site(nav: Any) -> Any:
    """Return a navigation with the pages' paths on the site."""
    if isinstance(nav, str):
        return site_path(nav)
    return [{title: on_site(inside) for title, inside in entry.items()} for entry in nav]


def write_pages(folder: Path) -> None:
    """Write the pages of the navigation into an empty folder, with the pictures that they show."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = [START if page == "index.md" else page for _, page in pages_in(project()["nav"])]
    for page in pages:
        target = folder / site_path(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page_text(page, pages), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", folder / "docs" / "pictures")


def page_text(page: str, pages: Iterable[str]) -> str:
    """Return a page as the site has it: without front matter, and with links to its `pages` only."""
    here, there = Path(page).parent, Path(site_path(page)).parent

    def link(match: re.Match[str]) -> str:
        picture, text, target, heading = match.groups(default="")
        if not target or target.startswith(("http:", "https:", "mailto:")) or picture:
            return match[0]
        path = os.path.normpath(here / target)
        if path not in pages:
            return text
        if text.endswith(".md"):  # a file's name, which readers of the repository know
            text = title_of(path)
        return f"[{text}]({os.path.relpath(site_path(path), there)}{heading})"

    return LINK.sub(link, FRONT_MATTER.sub("", (ROOT / page).read_text(encoding="utf-8")))


def llms_txt(project: Mapping[str, object]) -> str:
    """Return an index of the pages in the format of https://llmstxt.org."""
    lines = [f"# {project['site_name']}", "", f"> {project['site_description']}"]
    section = ""
    for part, (title, page) in sections_in(project["nav"]):
        if part != section:
            section = part
            lines += ["", f"## {section}", ""]
        address = "./" if page == "index.md" else f"{site_path(page).removesuffix('.md')}/"
        lines.append(f"- [{title}]({address})")
    return "\n".join([*lines, ""])


def sections_in(nav: object) -> Iterable[tuple[str, tuple[str, str]]]:
    """Yield each page's section, title and path. A page outside the sections is in "Start"."""
    assert isinstance(nav, list)
    for entry in nav:
        for title, inside in entry.items():
            if isinstance(inside, str):
                yield "Start", (title, inside)
            else:
                yield from ((title, page) for _, page in sections_in(inside))


def pages_in(nav: object) -> Iterable[tuple[str, str]]:
    """Yield the title and path of each page."""
    return (page for _, page in sections_in(nav))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
