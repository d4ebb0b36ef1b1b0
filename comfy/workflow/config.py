"""`<name>.toml` beside a workflow: what its author says about the form. Documented in
workflows/README.md.

A mistake in such a file never keeps a workflow from opening: it becomes a sentence among the form's
problems.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from comfy.json_values import as_number
from comfy.messages import listed, message, sentences
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
        return FormConfig(
            problems=(message("{file} cannot be read: {why}.", file=path.name, why=str(error)),)
        )
    except tomllib.TOMLDecodeError as error:
        return FormConfig(
            problems=(message("{file} is not valid TOML: {why}.", file=path.name, why=str(error)),)
        )


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
            problems.append(
                message(
                    '{file}: fields.“{name}” must be a table such as [fields."{name}"].',
                    file=source,
                    name=name,
                )
            )
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


# What is said of a value of the wrong kind: where it stands, and the name of the setting.
_Refusal = Callable[[str, str], str]


def _no_text(place: str, name: str) -> str:
    return message("{place}: “{name}” must be a text.", place=place, name=name)


def _no_number(place: str, name: str) -> str:
    return message("{place}: “{name}” must be a number.", place=place, name=name)


def _no_flag(place: str, name: str) -> str:
    return message("{place}: “{name}” must be true or false.", place=place, name=name)


def _none_of(choices: Sequence[str]) -> _Refusal:
    return lambda place, name: message(
        "{place}: “{name}” must be one of {choices}.",
        place=place,
        name=name,
        choices=listed(choices),
    )


# key -> (reader that answers None for a value it cannot take, what is said then)
FORM_KEYS: Mapping[str, tuple[Callable[[Any], Any], _Refusal]] = {
    "title": (_text, _no_text),
    "description": (_text, _no_text),
    "order": (as_number, _no_number),
    "others": (_others, _none_of(get_args(Others))),
    "outputs": (
        _texts,
        lambda place, name: message(
            "{place}: “{name}” must be a list of node ids.", place=place, name=name
        ),
    ),
    "ideas": (
        _ideas,
        lambda place, name: message(
            "{place}: “{name}” must be a list of texts, or of tables such as"
            ' {{ "Prompt.text" = "a boat" }}.',
            place=place,
            name=name,
        ),
    ),
    "cover": (
        _cover,
        lambda place, name: message(
            "{place}: “{name}” must be the name of an image beside it, such as “cover.webp”.",
            place=place,
            name=name,
        ),
    ),
    "fields": (
        _table,
        lambda place, name: message("{place}: “{name}” must be a table.", place=place, name=name),
    ),
}
FIELD_KEYS: Mapping[str, tuple[Callable[[Any], Any], _Refusal]] = {
    "label": (_text, _no_text),
    "help": (_text, _no_text),
    "group": (
        _text,
        lambda place, name: message(
            "{place}: “{name}” must be “main”, “advanced”, “hidden” or a heading of your own.",
            place=place,
            name=name,
        ),
    ),
    "default": (
        _scalar,
        lambda place, name: message(
            "{place}: “{name}” must be a text, a number, true or false.", place=place, name=name
        ),
    ),
    "min": (as_number, _no_number),
    "max": (as_number, _no_number),
    "step": (
        _positive,
        lambda place, name: message(
            "{place}: “{name}” must be a number above zero.", place=place, name=name
        ),
    ),
    "widget": (_widget, _none_of(get_args(Widget))),
    "hidden": (_flag, _no_flag),
    "required": (_flag, _no_flag),
    "also": (
        _texts,
        lambda place, name: message(
            '{place}: “{name}” must be a list of inputs such as ["13.text"].',
            place=place,
            name=name,
        ),
    ),
    "closest": (_flag, _no_flag),
}


def _checked(
    said: Mapping[str, Any],
    known: Mapping[str, tuple[Callable[[Any], Any], _Refusal]],
    where: str,
    problems: list[str],
) -> dict[str, Any]:
    """The keys that can be used, read; a sentence for each of the others."""
    good = {}
    for key, value in said.items():
        if key not in known:
            problems.append(
                sentences(
                    message("{place}: there is no setting “{name}”.", place=where, name=key),
                    did_you_mean(key, known),
                )
            )
            continue
        reader, refusal = known[key]
        read = reader(value)
        if read is None:
            problems.append(refusal(where, key))
        else:
            good[key] = read
    return good
