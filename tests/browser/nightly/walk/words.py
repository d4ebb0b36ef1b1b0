"""Read every text on the page and find the untranslated texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from comfy.base.messages import Message
from comfy.base.version import app_version
from tests.support.visitor import Site, Visitor

SCRIPT = Path(__file__).parents[3] / "script" / "words.js"
_WORD = re.compile(r"[^\W\d_]{2}")
# Gradio has these words in English only, or not in the made-up language of the tests.
GRADIO = frozenset(
    {
        "Use via API",
        "Gradio footer navigation",
        "logo",
    }
)
# The product's name, with its version.
NAMES = frozenset({"ComfyForms", f"ComfyForms {app_version()}"})


def plain_texts(value: object) -> Iterator[str]:
    """Yield all text in a form that is not a message: text from an author, a server or a user."""
    match value:
        case Message():
            for part in value.values.values():
                yield from plain_texts(part)
        case str():
            yield value
        case dict():
            for part in (*value, *value.values()):
                yield from plain_texts(part)
        case list() | tuple() | frozenset():
            for part in value:
                yield from plain_texts(part)
        case _ if hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                yield from plain_texts(getattr(value, name))


class Reader:
    """Visitor that notes each untranslated text and its place."""

    def __init__(self, person: Visitor) -> None:
        self.person = person
        self.found: dict[str, str] = {}
        self._own = {*GRADIO, *NAMES}
        person.before_load(SCRIPT)

    def knows(self, *words: str) -> None:
        """Accept these words untranslated, because they are not the app's own."""
        self._own |= set(words)

    def knows_authors(self, site: Site, names: Sequence[str]) -> None:
        """Accept the words of these workflows' authors and the choices that their server offers."""
        for name in names:
            workflow, form = site.services.forms.form(name, "")
            self.knows(workflow.title, *(text.strip() for text in plain_texts(form)))

    def read(self, state: str) -> None:
        told: list[list[Any]] = self.person.page.evaluate("words.plain()")
        for rest, where in told:
            if not self._is_own(rest):
                self.found.setdefault(f"{rest!r}, {where}", state)

    def _is_own(self, rest: str) -> bool:
        parts = (part.strip() for part in rest.split("·"))
        return all(part in self._own or not _WORD.search(part) for part in parts)

    def all_well(self) -> None:
        """Raise an AssertionError with all untranslated texts."""
        lines = [f"{what} ({state})" for what, state in self.found.items()]
        assert not lines, "\n".join(lines)
