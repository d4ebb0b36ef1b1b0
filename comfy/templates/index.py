"""Read the lists of templates that a ComfyUI server sends. Pure.

`/templates/index.json` has ComfyUI's own, in categories; `/workflow_templates` the names of those
that node packs bring, by pack. Both are untrusted: names that aren't plain file names are dropped,
and texts are shortened.

A template as its server lists it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from urllib.parse import quote

from comfy.base.json_values import as_dicts, as_list, as_mapping, as_number, as_text
from comfy.base.wording import one_line, title_words
from comfy.requirements.model import NOTHING_DECLARED, Declared, safe_path
from comfy.requirements.read import declared_by

MediaKind = Literal["image", "video", "audio", "3d", "text"]
_MEDIA_KINDS: tuple[MediaKind, ...] = get_args(MediaKind)
_MOST_TEMPLATES = 5000
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_IMAGE_ENDING = re.compile(r"webp|png|jpe?g|gif|avif", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_WORDS = 20
_MOST_USED = 2**53
_LONGEST_TITLE, _LONGEST_ABOUT, _LONGEST_WORD = 120, 1000, 60  # characters


@dataclass(frozen=True, slots=True)
class Template:
    """A template.

    `pack`: the node pack that brings it, "" for ComfyUI itself. `name`: its file without the
    extension. `models`: names for users, not files. `inputs` and `outputs`: kinds of media; empty
    if unknown. `files`: the names of its example input files. `thumbnail`: the ending of its
    example image, "" without one. `compares`: a second image shows the input. `usage`: how often
    the makers' users open it. `order`: its position in the list.
    """

    pack: str
    name: str
    title: str
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    inputs: tuple[MediaKind, ...] = ()
    outputs: tuple[MediaKind, ...] = ()
    files: tuple[str, ...] = ()
    thumbnail: str = ""
    date: str = ""
    usage: int = 0
    order: int = 0
    declared: Declared = NOTHING_DECLARED
    compares: bool = False

    @property
    def id(self) -> str:
        """Return the name by which users open it: "PACK/NAME", or "NAME" for ComfyUI's own."""
        return f"{self.pack}/{self.name}" if self.pack else self.name

    @property
    def path(self) -> str:
        """Return the path of its workflow on the server."""
        return self.path_of(f"{self.name}.json")

    def image_path(self, *, before: bool = False) -> str:
        """Return the path of its example image on the server, or of the image of its input."""
        number = "" if self.pack else "-2" if before else "-1"
        return self.path_of(f"{self.name}{number}.{self.thumbnail}")

    @property
    def settings(self) -> str:
        """Return the title and description as settings of its form (TOML)."""
        texts = {"title": self.title, "description": self.description}
        return "".join(
            f"{name} = {json.dumps(text, ensure_ascii=False)}\n"
            for name, text in texts.items()
            if text
        )

    def path_of(self, file: str) -> str:
        """Return the path of a file beside its workflow on the server."""
        if self.pack:
            return f"/api/workflow_templates/{quote(self.pack, safe='')}/{quote(file)}"
        return f"/templates/{quote(file)}"


@dataclass(frozen=True, slots=True)
class TemplateTexts:
    """Texts of a template in a language."""

    title: str
    description: str
    category: str
    tags: tuple[str, ...]


def templates_in(index: object) -> tuple[Template, ...]:
    """Return ComfyUI's own templates of an index, each once, in its order."""
    found: dict[str, Template] = {}
    for category, entry in _entries(index):
        name = as_text(entry.get("name"))
        if name not in found and _is_name(name) and entry.get("status") != "archived":
            found[name] = _template(name, category, entry, len(found))
        if len(found) == _MOST_TEMPLATES:
            break
    return tuple(found.values())


def texts_in(index: object) -> dict[str, TemplateTexts]:
    """Return the texts of an index in another language, by the templates' names."""
    return {
        as_text(entry.get("name")): _texts(category, entry) for category, entry in _entries(index)
    }


def pack_templates(listed: object) -> tuple[Template, ...]:
    found: dict[str, Template] = {}
    for pack, names in as_mapping(listed).items():
        for name in as_list(names):
            if _is_plain(pack) and isinstance(name, str) and _is_plain(name):
                title = title_words(name.removesuffix(".app"))[:_LONGEST_TITLE]
                one = Template(pack, name, title, category=pack[:_LONGEST_WORD], thumbnail="jpg")
                found.setdefault(one.id, replace(one, order=_MOST_TEMPLATES + len(found)))
    return tuple(found.values())[:_MOST_TEMPLATES]


def with_texts(template: Template, texts: Mapping[str, TemplateTexts]) -> Template:
    """Return a template with its texts in another language, if they are known."""
    known = None if template.pack else texts.get(template.name)
    if known is None:
        return template
    return replace(
        template,
        title=known.title or template.title,
        description=known.description or template.description,
        category=known.category or template.category,
        tags=known.tags or template.tags,
    )


def _entries(index: object) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for category in as_dicts(index):
        for entry in as_dicts(category.get("templates")):
            yield category, entry


def _template(
    name: str, category: Mapping[str, Any], entry: Mapping[str, Any], order: int
) -> Template:
    texts = _texts(category, entry)
    sides = as_mapping(entry.get("io"))
    inputs, outputs = (list(as_dicts(sides.get(side))) for side in ("inputs", "outputs"))
    ending = as_text(entry.get("mediaSubtype"))
    usage = as_number(entry.get("usage")) or 0
    date = as_text(entry.get("date"))
    return Template(
        "",
        name,
        texts.title or title_words(name.removesuffix(".app")),
        texts.description,
        texts.category,
        texts.tags,
        _words(entry.get("models")),
        _kinds(inputs),
        _kinds(outputs) or _kind_of(category),
        tuple(filter(None, (safe_path(as_text(one.get("file"))) for one in inputs[:_MOST_WORDS]))),
        ending.lower() if _IMAGE_ENDING.fullmatch(ending) else "",
        date if _DATE.fullmatch(date) else "",
        int(min(max(usage, 0), _MOST_USED)),
        order,
        declared_by(entry),
        entry.get("thumbnailVariant") == "compareSlider",
    )


def _texts(category: Mapping[str, Any], entry: Mapping[str, Any]) -> TemplateTexts:
    return TemplateTexts(
        _line(entry.get("title"), _LONGEST_TITLE),
        _line(entry.get("description"), _LONGEST_ABOUT),
        _line(category.get("title"), _LONGEST_WORD),
        _words(entry.get("tags")),
    )


def _kinds(sides: list[dict[str, Any]]) -> tuple[MediaKind, ...]:
    named = {one.get("mediaType") for one in sides}
    return tuple(kind for kind in _MEDIA_KINDS if kind in named)


def _kind_of(category: Mapping[str, Any]) -> tuple[MediaKind, ...]:
    """Return what a category's templates create. "llm" is for texts."""
    kind = category.get("type")
    if kind == "llm" or category.get("title") == "LLM":
        return ("text",)
    return () if category.get("isEssential") else tuple(one for one in _MEDIA_KINDS if one == kind)


def _words(value: object) -> tuple[str, ...]:
    lines = (_line(one, _LONGEST_WORD) for one in as_list(value)[:_MOST_WORDS])
    return tuple(dict.fromkeys(filter(None, lines)))


def _line(value: object, longest: int) -> str:
    line = one_line(as_text(value)[: 2 * longest])
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and _is_plain(name)


def _is_plain(name: str) -> bool:
    """Return whether this is a single, safe file name."""
    return "/" not in name and "\\" not in name and safe_path(name) == name
