"""`<name>.toml` beside a workflow: its author's settings for the form. Documented in
workflows/README.md.

A mistake in the file never prevents the workflow from opening. It becomes a message among the
form's problems.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from comfy.base.json_values import as_number
from comfy.workflow.toml_settings import (
    SettingReaders,
    as_flag,
    as_named_ids,
    as_scalar,
    as_table,
    as_texts,
    filled_text,
    load_toml,
    no_flag,
    no_table,
    no_text,
    none_of,
    readable_settings,
)

FieldGroup = Literal["main", "advanced", "hidden"]
# Default visibility of unlisted inputs; "auto": the heuristics decide.
Others = Literal["advanced", "auto", "hidden"]
# A text for the prompt, or values by input name. An image's value is its file name, as for a cover.
IdeaConfig = str | Mapping[str, Any]
_IMAGES = (".webp", ".png", ".jpg", ".jpeg", ".gif", ".avif")


@dataclass(frozen=True, slots=True)
class FieldConfig:
    """The author's settings for one input, written `"node id.input"` or `"node title.input"`. None:
    not set.

    `section` is the author's own heading: in TOML, a `group` whose name isn't ours. `height` in
    pixels comes from an App; TOML has no equivalent setting.
    """

    name: str
    label: str | None = None
    help: str | None = None
    group: FieldGroup | None = None
    section: str | None = None
    default: Any = None
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    widget: str | None = None
    choices: tuple[str | int | float | bool, ...] = ()
    hidden: bool | None = None
    required: bool | None = None
    also: tuple[str, ...] = ()
    closest: bool | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class FormConfig:
    """The author's settings for the form. `order` is its position among the folder's workflows,
    `ideas` are examples to try, `cover` is the name of an example image beside the file.
    `outputs` are the names of the outputs to show, in order and by node id; an empty name means the
    node's own title. `problems` are messages about mistakes in the file."""

    title: str | None = None
    description: str | None = None
    order: int | float | None = None
    others: Others = "advanced"
    outputs: Mapping[str, str] = field(default_factory=dict)
    ideas: tuple[IdeaConfig, ...] = ()
    cover: str | None = None
    fields: tuple[FieldConfig, ...] = ()
    problems: tuple[str, ...] = ()


def read_config(path: Path) -> FormConfig:
    """Read a TOML file. An unreadable file gives an empty config with the reason among its
    problems."""
    data, problem = load_toml(path)
    return FormConfig(problems=(problem,)) if problem else parse_config(path.name, data)


def config_in(text: str, source: str = "") -> FormConfig:
    """Return the settings in a TOML text, like `read_config`."""
    try:
        return parse_config(source, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return FormConfig(problems=(f"{source} is not valid TOML: {error!s}.",))


def parse_config(source: str, data: Mapping[str, Any]) -> FormConfig:
    """Convert parsed TOML into a config. `source` is the file's name in error messages."""
    problems: list[str] = []
    top = readable_settings(data, FORM_KEYS, source, problems)
    fields = []
    for name, table in top.pop("fields", {}).items():
        if isinstance(table, dict):
            read = readable_settings(table, FIELD_KEYS, f"{source}, {name}", problems)
            if read.get("group") not in (None, *get_args(FieldGroup)):
                read["section"] = read.pop("group")
            fields.append(FieldConfig(name, **read))
        else:
            problems.append(f'{source}: fields.“{name}” must be a table such as [fields."{name}"].')
    return FormConfig(**top, fields=tuple(fields), problems=tuple(problems))


def _positive(value: object) -> int | float | None:
    number = as_number(value)
    return number if number is not None and number > 0 else None


def _ideas(value: object) -> tuple[IdeaConfig, ...] | None:
    items = value if isinstance(value, list) else [None]
    read = [filled_text(item) or _values(item) for item in items]
    return None if None in read else tuple(item for item in read if item is not None)


def _values(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not value or None in map(as_scalar, value.values()):
        return None
    return value


def image_beside(value: object) -> str | None:
    """Return a value that names an image in the same folder, None for anything else. Rejects both
    kinds of slashes, on any system."""
    if not isinstance(value, str) or not value.lower().endswith(_IMAGES):
        return None
    return None if {"/", "\\"} & set(value) or value.startswith(".") else value


def _choices(value: object) -> tuple[Any, ...] | None:
    items = value if isinstance(value, list) else [None]
    return None if None in map(as_scalar, items) else tuple(items)


def _others(value: object) -> str | None:
    return value if isinstance(value, str) and value in get_args(Others) else None


def _no_number(place: str, name: str) -> str:
    return f"{place}: “{name}” must be a number."


FORM_KEYS: SettingReaders = {
    "title": (filled_text, no_text),
    "description": (filled_text, no_text),
    "order": (as_number, _no_number),
    "others": (_others, none_of(get_args(Others))),
    "outputs": (
        as_named_ids,
        lambda place, name: (
            f"{place}: “{name}” must be a list of node ids, or a table such as"
            ' { "7" = "Line drawing" }.'
        ),
    ),
    "ideas": (
        _ideas,
        lambda place, name: (
            f'{place}: “{name}” must be a list of strings, or of tables such as {{ "Prompt.text" '
            '= "a boat" }.'
        ),
    ),
    "cover": (
        image_beside,
        lambda place, name: (
            f"{place}: “{name}” must be the name of an image beside it, such as “cover.webp”."
        ),
    ),
    "fields": (as_table, no_table),
}
FIELD_KEYS: SettingReaders = {
    "label": (filled_text, no_text),
    "help": (filled_text, no_text),
    "group": (
        filled_text,
        lambda place, name: (
            f"{place}: “{name}” must be “main”, “advanced”, “hidden” or your own heading."
        ),
    ),
    "default": (
        as_scalar,
        lambda place, name: f"{place}: “{name}” must be a string, a number, true or false.",
    ),
    "min": (as_number, _no_number),
    "max": (as_number, _no_number),
    "step": (
        _positive,
        lambda place, name: f"{place}: “{name}” must be a number above zero.",
    ),
    "widget": (filled_text, no_text),  # `comfy.form.conventions.toml` knows the valid ones
    "choices": (
        _choices,
        lambda place, name: f'{place}: “{name}” must be a list of choices, such as ["euler"].',
    ),
    "hidden": (as_flag, no_flag),
    "required": (as_flag, no_flag),
    "also": (
        as_texts,
        lambda place, name: f'{place}: “{name}” must be a list of inputs such as ["13.text"].',
    ),
    "closest": (as_flag, no_flag),
}
