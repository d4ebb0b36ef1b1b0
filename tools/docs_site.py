"""Builds the documentation site into build/docs/site, from the pages that the repository shows.

    python -m tools.docs_site [FOLDER]

docs/site.toml has the navigation. A link to another page of the site stays a link. A link to a file
that the site doesn't have, such as source code, becomes its text. The build fails on each link to a
page or heading that doesn't exist. Also writes llms.txt: an index of the pages for language models.
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

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "site.toml"
START = "README.md"  # the page that is the site's index
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)


def main(arguments: list[str]) -> int:
    """Build the site in the folder, and return the builder's exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / "build" / "docs"
    write_pages(folder / "pages")
    shutil.copy(SETTINGS, folder / "zensical.toml")
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    built = subprocess.run([*command, "-f", "zensical.toml"], cwd=folder, check=False)
    if built.returncode == 0:
        index = llms_txt(tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["project"])
        (folder / "site" / "llms.txt").write_text(index, encoding="utf-8")
    return built.returncode


def write_pages(folder: Path) -> None:
    """Write the pages of the navigation into an empty folder, with the pictures that they show."""
    shutil.rmtree(folder, ignore_errors=True)
    project = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["project"]
    pages = [START if page == "index.md" else page for _, page in pages_in(project["nav"])]
    for page in pages:
        target = folder / ("index.md" if page == START else page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page_text(page, pages), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", folder / "docs" / "pictures")


def page_text(page: str, pages: Iterable[str]) -> str:
    """Return a page as the site has it: without front matter, and with links to its `pages` only."""
    here = Path(page).parent

    def link(match: re.Match[str]) -> str:
        picture, text, target, heading = match.groups(default="")
        if not target or target.startswith(("http:", "https:", "mailto:")) or picture:
            return match[0]
        path = os.path.normpath(here / target)
        if path not in pages:
            return text
        path = "index.md" if path == START else path
        return f"[{text}]({os.path.relpath(path, here)}{heading})"

    return LINK.sub(link, FRONT_MATTER.sub("", (ROOT / page).read_text(encoding="utf-8")))


def llms_txt(project: Mapping[str, object]) -> str:
    """Return an index of the pages in the format of https://llmstxt.org."""
    lines = [f"# {project['site_name']}", "", f"> {project['site_description']}"]
    section = ""
    for part, (title, page) in sections_in(project["nav"]):
        if part != section:
            section = part
            lines += ["", f"## {section}", ""]
        address = "./" if page == "index.md" else f"{page.removesuffix('.md')}/"
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
