"""Sentences in the code, and test catalogs built from them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

ROOT = Path(__file__).parents[3]
KEYWORDS = {"message": None, "plural": (1, 2)}


@cache
def extracted() -> Catalog:
    """Return the messages that `pybabel extract` finds, called as in CONTRIBUTING.md."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mappings = settings["tool"]["babel"]["mappings"]
    methods = [(one["pattern"], one["method"]) for one in mappings]
    found = Catalog()
    for file, _, said, _, _ in extract_from_dir(ROOT, methods, keywords=KEYWORDS):
        found.add(said, locations=[(file, 0)])
    return found


def write_catalog(
    folder: Path, tag: str, said: Mapping[str | tuple[str, ...], str | tuple[str, ...]]
) -> Path:
    r"""Write the catalog of one language below this folder and return its path.

    `said` maps message ids to translations. For messages with a plural, both are pairs.
    """
    catalog = Catalog(locale=tag.replace("-", "_"))
    for sentence, text in said.items():
        catalog.add(sentence, text)
    file = folder / tag.replace("-", "_") / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    with file.open("wb") as po:
        write_po(po, catalog)
    return file
