"""Sentences in the code, and test catalogs built from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from tools import messages
from ui.languages.catalogs import CATALOG


def extracted() -> list[Message]:
    """Return the messages in the code, the plugins' after the app's."""
    return [one for catalog in messages.extracted().values() for one in catalog if one.id]


def write_catalog(
    folder: Path, tag: str, said: Mapping[str | tuple[str, ...], str | tuple[str, ...]]
) -> Path:
    r"""Write the catalog of one language below this folder and return its path.

    `said` maps message ids to translations. For messages with a plural, both are pairs.
    """
    catalog = Catalog(locale=tag.replace("-", "_"))
    for sentence, text in said.items():
        catalog.add(sentence, text)
    file = folder / tag.replace("-", "_") / CATALOG
    file.parent.mkdir(parents=True)
    with file.open("wb") as po:
        write_po(po, catalog)
    return file
