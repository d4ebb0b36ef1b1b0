"""Catalogs of the UI texts: extracts the texts and updates the files.

Run `python -m tools.messages` after changing a text. Arguments are languages to add, such as `pt`.
"""

from __future__ import annotations

import io
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from comfy.workflow.config import image_beside
from ui.languages.catalogs import CATALOG, Languages

ROOT = Path(__file__).parents[1]
KEYWORDS = {"message": None, "plural": (1, 2)}
_METHODS = [
    ("comfyforms/plugins/*/tests/**", "ignore"),
    ("comfy/**.py", "python"),
    ("ui/**.py", "python"),
    ("ui/page/**.js", "javascript"),
    ("comfyforms/plugins/**.py", "python"),
    ("comfyforms/plugins/**.js", "javascript"),
]
APP = ROOT / "ui" / "languages"


def messages(catalog: Catalog) -> dict[str | tuple[str, ...], Message]:
    """Return a catalog's messages by text, or by singular and plural."""
    return {one.id if isinstance(one.id, str) else tuple(one.id): one for one in catalog if one.id}


@cache
def extracted() -> Mapping[Path, Catalog]:
    """Return the texts in the code by the folder of their catalogs. A plugin's folder has the texts
    that only the plugin has."""
    found = {APP: Catalog()}
    for path, _, text, _, _ in extract_from_dir(ROOT, _METHODS, keywords=KEYWORDS):
        parts = Path(path).parts
        is_plugin = parts[:2] == ("comfyforms", "plugins")
        if is_plugin and parts[3] == "tests":
            continue
        folder = ROOT.joinpath(*parts[:3], "languages") if is_plugin else APP
        found.setdefault(folder, Catalog()).add(text, locations=[(path, 0)])
    for text in shipped_prompts():
        found[APP].add(text, locations=[("workflows", 0)])
    for folder in found.keys() - {APP}:
        for text in messages(found[folder]).keys() & messages(found[APP]).keys():
            found[folder].delete(text)
    return {folder: catalog for folder, catalog in sorted(found.items()) if messages(catalog)}


def shipped_prompts() -> Iterator[str]:
    """Yield the texts and ideas in the project's workflows, which pages translate as examples."""
    for file in sorted((ROOT / "workflows").rglob("*.json")):
        for node in json.loads(file.read_text(encoding="utf-8")).values():
            texts = (node["inputs"].get(name) for name in ("text", "prompt"))
            yield from (text for text in texts if isinstance(text, str))
    for file in sorted((ROOT / "workflows").rglob("*.toml")):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        values = (one.get("values", {}) for one in data.get("steps", ()))
        for idea in (*data.get("ideas", ()), *values):
            ideas = idea.values() if isinstance(idea, dict) else (idea,)
            yield from (one for one in ideas if isinstance(one, str) and not image_beside(one))


def read_catalog(file: Path) -> Catalog:
    with file.open("rb") as po:
        return read_po(po, locale=file.parents[1].name)


def updated(*new: str) -> dict[Path, bytes]:
    """Return the catalogs' files with the texts in the code. A text that moved from one folder to
    another keeps its translation. `new`: languages to add."""
    files = {}
    for tag in sorted({*Languages().all, *new} - {"en"}):
        name = tag.replace("-", "_")
        paths = {folder: folder / name / CATALOG for folder in extracted()}
        before = {folder: read_catalog(file) for folder, file in paths.items() if file.exists()}
        known = {
            text: one for catalog in before.values() for text, one in messages(catalog).items()
        }
        for folder, template in extracted().items():
            like = next((paths[one] for one in (folder, APP) if one in before), None)
            catalog = read_catalog(like) if like else Catalog(name, project="comfyforms")
            wanted = messages(template)
            for text in messages(catalog).keys() - wanted.keys():
                catalog.delete(text)
            for text in wanted.keys() - messages(catalog).keys():
                catalog.add(text, known[text].string if text in known else "")
            written = io.BytesIO()
            write_po(written, catalog, 0, no_location=True, sort_output=True, ignore_obsolete=True)
            files[paths[folder]] = written.getvalue()
    return files


def main() -> None:
    for file, content in updated(*sys.argv[1:]).items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


if __name__ == "__main__":
    main()
