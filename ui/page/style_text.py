"""Style sheets as the page gets them, without comments and indents: a quarter smaller. The page's
first style sheet has what the header and the form need; the others come with the parts of the
script that need them.

Cascade layers say what takes precedence: the lowest is `base.css`, then come Gradio's own sheets,
then `parts.css`, and at last all other sheets, which are in no layer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from comfyforms.plugin_manager import contributed
from ui.page.icons import icon_styles
from ui.page.typeface import FONTS, font_face

_FOLDER = Path(__file__).parent / "styles"
_LAYERED = ("base.css", "parts.css")
_FIRST = (
    "gradio.css",
    "bar.css",
    "page.css",
    "embedded.css",
    "header.css",
    "announcement.css",
    "form.css",
    "models/missing_models.css",
    "filling.css",
    "fields/box_drawing.css",
    "account.css",
    "start_page/start_page.css",
    "making/many.css",
    "making/prompts.css",
)
_LATER = ("before.css", "overlays.css", "share.css", "fields/openers.css")
_OPENED = (
    "dialogs.css",
    "presets.css",
    "results/sound_player.css",
    "editor/editor.css",
    "editor/rows.css",
    "image_editor/editor.css",
    "choosing/choosing.css",
    "templates/templates.css",
    "models/picker.css",
)
_STAGE = (
    "viewport.css",
    "video/tools.css",
    "empty_stage.css",
    "stage.css",
    "chain.css",
    "results.css",
    "results/grid.css",
    "results/prose.css",
    "results/rows.css",
    "tile.css",
    "use_menu.css",
)
_BATCHES = (
    "batches/cards.css",
    "batches/vary.css",
    "batches/sheet.css",
    "batches/sheet_head.css",
    "batches/gallery.css",
    "batches/grid.css",
    "batches/over.css",
)
_SHARED = ("viewport.css", "results.css", "results/prose.css", "use_menu.css")
# Sheets inside a component that come with the part of the script that the user opens.
_OPENED_INSIDE: Mapping[str, tuple[str, ...]] = {
    "stage": ("video/tools.css", "chain.css", "results/grid.css", "results/prose.css"),
    "batches": _BATCHES,
}
# Styles that apply only inside one of the page's components, by the component's ID.
_OF_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "picker": ("chooser.css",),
    "stage": _STAGE,
    "queue": ("queue.css",),
    "history": ("history.css", "tile.css"),
}
_DROPPED = re.compile(r"/\*(?:(?!\*/)[\s\S])*\*/|^[ \t]+|\n(?=\s*\n)", re.MULTILINE)


@cache
def styles(*names: str) -> str:
    """Return these files of `styles/`, joined. A part's are named `parts/NAME/…`."""
    return "\n".join(packed_style(_file(name)) for name in names)


def _file(name: str) -> Path:
    parts: dict[str, Path] = {one.name: one.folder / "styles" for one in contributed("assets")}
    match name.split("/"):
        case ["parts", part, *rest] if part in parts:
            return parts[part].joinpath(*rest)
        case _:
            return _FOLDER / name


def packed_style(file: Path) -> str:
    """Return a style sheet without comments and indents."""
    return _DROPPED.sub("", file.read_text(encoding="utf-8")).strip()


def layered() -> str:
    """Return the styles that all others take precedence over."""
    return "\n".join(f"@layer {Path(name).stem} {{\n{styles(name)}\n}}" for name in _LAYERED)


@cache
def page_styles(main: str, inside: tuple[str, ...], around: tuple[str, ...]) -> str:
    """Return the styles of another page than the app's own. `inside`: sheets that apply only in the
    element with the id `main`."""
    fonts = f"{font_face('')}\nbody {{ --font: {FONTS}; }}"
    parts = _inside(main, inside)
    return "\n".join((layered(), fonts, icon_styles(), parts, styles(*around)))


@cache
def first_styles() -> str:
    """Return the styles of the page's header and form."""
    fonts = f"{font_face('../')}\nbody {{ --font: {FONTS} !important; }}"
    picker = _inside("picker", _OF_COMPONENTS["picker"])
    return "\n".join((layered(), fonts, icon_styles(), styles(*_FIRST), picker))


@cache
def later_styles() -> str:
    """Return the styles that the page needs after its first form."""
    components = (
        _inside(component, (name for name in names if name not in _opened_inside(component)))
        for component, names in _OF_COMPONENTS.items()
        if component != "picker"
    )
    return "\n".join((styles(*_LATER), *components))


@cache
def opened_styles() -> str:
    """Return the styles of what the user opens."""
    components = (_inside(component, names) for component, names in _OPENED_INSIDE.items())
    return "\n".join((styles(*_OPENED), *components))


def _opened_inside(component: str) -> tuple[str, ...]:
    return _OPENED_INSIDE.get(component, ())


def _inside(component: str, names: Iterable[str]) -> str:
    """Return sheets that apply only inside a component. Batches show results as the stage does."""

    def place(name: str) -> str:
        is_shared = component == "stage" and name in _SHARED
        return ":is(#stage, #batches)" if is_shared else f"#{component}"

    return "\n".join(f"{place(name)} {{ {styles(name)} }}" for name in names)
