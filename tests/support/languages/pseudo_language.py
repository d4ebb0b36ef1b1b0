"""A pseudo language that makes every message recognizable: accented, a third longer and in
brackets."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.languages.catalogs import extracted, write_catalog
from ui.languages.catalogs import Languages

TAG = "eo"  # one that this app does not have, and Gradio neither; with one plural, as English
OPENING, CLOSING = "⟦⟧"
_ACCENTS = str.maketrans("aceginostuyACEGINOSTUY", "áćéǵíńóśťúýÁĆÉǴÍŃÓŚŤÚÝ")
_PLACE = re.compile(r"(\{\{|\}\}|\{\w+\})")


def pseudo(sentence: str) -> str:
    """Return the sentence in the pseudo language, with its placeholders unchanged."""
    parts = _PLACE.split(sentence)
    text = "".join(part if _PLACE.match(part) else part.translate(_ACCENTS) for part in parts)
    return f"{OPENING}{text}{'·' * (len(sentence) // 3)}{CLOSING}"


def pseudo_languages(folder: Path) -> Languages:
    """Return English and the pseudo language, which translates every message in the code."""
    said: dict[str | tuple[str, ...], str | tuple[str, ...]] = {}
    for one in extracted():
        if isinstance(one.id, str):
            said[one.id] = pseudo(one.id)
        else:
            said[tuple(one.id)] = tuple(pseudo(form) for form in one.id)
    write_catalog(folder, TAG, said)
    return Languages(folder)
