"""Inline scripts and style sheet of the small pages, and the policy that allows no others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ui.page.script_files import sign_in_script
from ui.page.theme import color_variables
from ui.web.security_headers import strict_policy

_HERE = Path(__file__).parent
_FOLDER = _HERE.parent / "styles"
_STYLES = ("base.css", "plain/pages.css", "plain/administration.css")
_MODULES = ("command_copying.js", "copying.js", "refreshing.js", "retrying.js", "shade.js")
# Runs before the first paint, with the theme stored by the light/dark button (`storage.js`).
_SHADE = """try {
  document.documentElement.dataset.isDark = localStorage.getItem("comfyforms.shade") ?? "";
} catch {}"""


def style_tags() -> str:
    """Return the common head of all pages: the style sheet, and the script that applies the chosen
    theme."""
    return f"<style>{_style()}</style>\n<script>{_SHADE}</script>"


def module_tag(name: str) -> str:
    """Return one of the scripts in `_MODULES` as a tag."""
    return f'<script type="module">{_text(name)}</script>'


def sign_in_tag() -> str:
    """Return the tag that loads the sign-in page's script."""
    return f'<script type="module">{sign_in_script()}</script>'


@cache
def policy() -> str:
    """Return the content security policy of all these pages."""
    scripts = (_SHADE, sign_in_script(), *map(_text, _MODULES))
    return strict_policy(scripts, (_style(),))


@cache
def _style() -> str:
    styles = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _STYLES)
    return f"\n:root {{ {color_variables()} }}\n{styles}"


@cache
def _text(name: str) -> str:
    if name not in _MODULES:  # the policy would block it
        raise KeyError(name)
    return (_HERE / name).read_text(encoding="utf-8")
