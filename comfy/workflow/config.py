"""`<name>.toml` beside a workflow: what its author says about the form. Documented in
workflows/README.md.

A mistake in such a file never keeps a workflow from opening: it becomes a sentence among the form's
problems.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from comfy.json_values import as_number
from comfy.wording import did_you_mean

Widget = Literal[
    "text",
    "textarea",
    "number",
    "slider",
    "checkbox",
    "color",
    "box",
    "curve",
    "dropdown",
    "seed",
    "image",
    "mask",
    "audio",
    "video",
    "file",
]
Group = Literal["main", "advanced", "hidden"]
# What becomes of inputs that nobody mentions; "auto": as the heuristics judge.
Others = Literal["advanced", "auto", "hidden"]
# A text for the prompt, or values by the names of inputs.
IdeaConfig = str | Mapping[str, Any]
_COVERS = (".webp", ".png", ".jpg", ".jpeg", ".gif", ".avif")


@dataclass(frozen=True, slots=True)
class FieldConfig:
    """What the author says about one input, written `"node id.input"` or `"node title.input"`.
    None: nothing.

    `section` is a heading of the author's own: in a toml, a `group` that is none of ours. `height`
    in pixels is what an App says; a toml has no such setting.
    """

    name: str
    label: str | None = None
    help: str | None = None
    group: Group | None = None
    section: str | None = None
    default: Any = None
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    widget: Widget | None = None
    hidden: bool | None = None
    required: bool | None = None
    also: tuple[str, ...] = ()
    closest: bool | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class FormConfig:
    """What the author says about the form. `order` is its place among the folder's workflows,
    `ideas` are to be tried before anything was made, `cover` is the name of an image beside the
    file that shows what comes out. `problems` are sentences about mistakes in the file."""

    title: str | None = None
    description: str | None = None
    order: int | float | None = None
    others: Others = "advanced"
    outputs: tuple[str, ...] = ()
    ideas: tuple[IdeaConfig, ...] = ()
    cover: str | None = None
    fields: tuple[FieldConfig, ...] = ()
    problems: tuple[str, ...] = ()


def read_config(path: Path) -> FormConfig:
    """Read a toml file; unreadable ones give an empty config with the reason among its problems."""
    try:
        return parse_config(path.name, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        return FormConfig(problems=(f"{path.name} cannot be read: {error}.",))
    except tomllib.TOMLDecodeError as error:
        return FormConfig(problems=(f"{path.name} is not valid TOML: {error}.",))


def parse_config(source: str, data: Mapping[str, Any]) -> FormConfig:
    """Turn parsed TOML into a config. `source` names the file in the sentences about what is
    wrong."""
    problems: list[str] = []
    top = _checked(data, FORM_KEYS, source, problems)
    fields = []
    for name, said in top.pop("fields", {}).items():
        if isinstance(said, dict):
            read = _checked(said, FIELD_KEYS, f"{source}, {name}", problems)
            if read.get("group") not in (None, *get_args(Group)):
                read["section"] = read.pop("group")
            fields.append(FieldConfig(name, **read))
        else:
            problems.append(f'{source}: fields.“{name}” must be a table such as [fields."{name}"].')
    return FormConfig(**top, fields=tuple(fields), problems=tuple(problems))


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _positive(value: object) -> int | float | None:
    number = as_number(value)
    return number if number is not None and number > 0 else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _scalar(value: object) -> object:
    return value if isinstance(value, str | bool) or as_number(value) is not None else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        return None
    return tuple(str(item) for item in value)


def _table(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _ideas(value: object) -> tuple[IdeaConfig, ...] | None:
    items = value if isinstance(value, list) else [None]
    read = [_text(item) or _values(item) for item in items]
    return None if None in read else tuple(item for item in read if item is not None)


def _values(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not value or None in map(_scalar, value.values()):
        return None
    return value


def _cover(value: object) -> str | None:
    """The name of an image in the same folder, wherever paths are written with other slashes."""
    if not isinstance(value, str) or not value.lower().endswith(_COVERS):
        return None
    return None if {"/", "\\"} & set(value) or value.startswith(".") else value


def _others(value: object) -> str | None:
    return value if isinstance(value, str) and value in get_args(Others) else None


def _widget(value: object) -> str | None:
    return value if isinstance(value, str) and value in get_args(Widget) else None


# key -> (reader that answers None for a value it cannot take, what the value must be)
FORM_KEYS = {
    "title": (_text, "a text"),
    "description": (_text, "a text"),
    "order": (as_number, "a number"),
    "others": (_others, "one of " + ", ".join(get_args(Others))),
    "outputs": (_texts, "a list of node ids"),
    "ideas": (_ideas, 'a list of texts, or of tables such as { "Prompt.text" = "a boat" }'),
    "cover": (_cover, "the name of an image beside it, such as “cover.webp”"),
    "fields": (_table, "a table"),
}
FIELD_KEYS = {
    "label": (_text, "a text"),
    "help": (_text, "a text"),
    "group": (_text, "“main”, “advanced”, “hidden” or a heading of your own"),
    "default": (_scalar, "a text, a number, true or false"),
    "min": (as_number, "a number"),
    "max": (as_number, "a number"),
    "step": (_positive, "a number above zero"),
    "widget": (_widget, "one of " + ", ".join(get_args(Widget))),
    "hidden": (_flag, "true or false"),
    "required": (_flag, "true or false"),
    "also": (_texts, 'a list of inputs such as ["13.text"]'),
    "closest": (_flag, "true or false"),
}


def _checked(
    said: Mapping[str, Any], known: Mapping[str, Any], where: str, problems: list[str]
) -> dict[str, Any]:
    """The keys that can be used, read; a sentence for each of the others."""
    good = {}
    for key, value in said.items():
        if key not in known:
            problems.append(f"{where}: there is no setting “{key}”.{did_you_mean(key, known)}")
            continue
        reader, meant = known[key]
        read = reader(value)
        if read is None:
            problems.append(f"{where}: “{key}” must be {meant}.")
        else:
            good[key] = read
    return good
