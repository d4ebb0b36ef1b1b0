"""Gradio's scripts and style sheets that a page with certain components loads.

Gradio's script finds each of them only when it needs it, one round trip after the other. Its build
(Vite) names what a component needs beside the import of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from ui.gradio.internals import SCRIPTS, script_of_page

_FOLDER = f".{SCRIPTS}"
_TEMPLATE = Path(gr.__file__).with_name("templates") / "frontend" / "index.html"
_ENTRY = re.compile(r'(?:src|href)="\./assets/(index-[^"]+\.(?:js|css))"')
_NEEDED = re.compile(r"m\.f=\[(.*?)\]\)")  # all files that a script's imports need
_BLOCKS = re.compile(r"import\(`\./(Blocks-[^`]+\.js)`\)")
_LAYERS = "@layer base, gradio, parts;"  # lowest first; rules in no layer are above
_VARIABLES = re.compile(r":root\{[^{}]*\}")
# Steps of Gradio's palettes and scales that neither Gradio nor the app names.
UNUSED_VARIABLES = re.compile(
    r"--(?:color-[a-z]+-(?:10|50|100|200|600|900|950)|grid-\d+"
    r"|(?:ease|letter|prose|scale-fluid)-[\w-]+):[^;}]*;"
)
_UNSEEN = ("HistoryStorageControl-",)  # begin the names of sheets for controls that are never shown
_STATIC = re.compile(r'(?:from|import)"\./([^"]+\.js)"')
# In Gradio's table of components: the script of one, and what it needs, as numbers in the list.
_COMPONENT = (
    r"[{,]%s:\{(?:\w+:\(\)=>.*?\),)*?component:\(\)=>\w+\(\(\)=>import\(`\./[^`]+`\)"
    r".*?,__vite__mapDeps\(\[([\d,]+)\]\)"
)


@dataclass(frozen=True, slots=True)
class PageFiles:
    """Names of scripts and style sheets below `SCRIPTS`, in the order in which Gradio needs
    them."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]


def files_of_page(components: Iterable[str]) -> PageFiles:
    """Return the files of a page with these kinds of components, such as "textbox". Unknown kinds
    are left out: Gradio loads their files itself."""
    names = dict.fromkeys(_names(components))
    return PageFiles(
        tuple(name for name in names if name.endswith(".js")),
        tuple(name for name in names if name.endswith(".css")),
    )


def _names(components: Iterable[str]) -> Iterator[str]:
    entry = _ENTRY.findall(_TEMPLATE.read_text(encoding="utf-8"))
    yield from entry
    first = [name for one in entry for name in _needed(one)]
    yield from first
    for blocks in {name for one in first for name in _BLOCKS.findall(_text(one))}:
        yield blocks
        yield from _STATIC.findall(_text(blocks))
        yield from (style for style in _needed(first[0]) if style.startswith("Blocks-"))
    for core in first:
        if core.startswith("core-") and core.endswith(".js"):
            yield from _of_components(core, components)


def _of_components(core: str, components: Iterable[str]) -> Iterator[str]:
    table, needed = _text(core), _needed(core)
    for component in components:
        if found := re.search(_COMPONENT % re.escape(component), table):
            yield from (needed[int(number)] for number in found[1].split(","))


def _needed(script: str) -> list[str]:
    listed = _NEEDED.search(_text(script))
    return re.findall(r'"\./([^"]+)"', listed[1]) if listed else []


def _text(name: str) -> str:
    file = script_of_page(name)
    return file.read_text(encoding="utf-8") if file and name.endswith(".js") else ""


def script_tags(files: PageFiles) -> str:
    """Return tags that request the scripts at once."""
    return "".join(f'<link rel="modulepreload" href="{_FOLDER}{name}">' for name in files.scripts)


def style_tags(files: PageFiles, theme: str, joined: str) -> str:
    """Return tags for `joined`, the name of one style sheet with the content of all of them and of
    the theme's, whose URL is `theme`. Gradio's script doesn't load a style sheet that has a tag
    already, and browsers don't load a disabled one."""
    link = '<link rel="stylesheet" href="{}"{}>'
    others = (escape(theme), *(f"{_FOLDER}{name}" for name in files.styles))
    found = (link.format(address, " disabled") for address in others)
    return link.format(f"{_FOLDER}{joined}", "") + "".join(found)


def joined_styles(files: PageFiles) -> str:
    """Return the content of all style sheets that apply. None of them names another file."""
    found = (script_of_page(name) for name in files.styles if not name.startswith(_UNSEEN))
    return style_text(*(file for file in found if file))


def style_text(*files: Path) -> str:
    """Return Gradio's style sheets in a cascade layer, so that the page's own rules take precedence
    over them however specific they are. Gradio adds some of them before the page's own sheet, so
    each says the order of the layers. Its variables stay outside: they replace the theme's."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    variables = UNUSED_VARIABLES.sub("", "\n".join(_VARIABLES.findall(text)))
    return f"{_LAYERS}\n@layer gradio {{\n{_VARIABLES.sub('', text)}\n}}\n{variables}"
