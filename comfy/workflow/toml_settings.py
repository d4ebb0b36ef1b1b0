"""Read the settings of a TOML file by key: the usable values, and a message for each invalid
one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from comfy.base.errors import words_of
from comfy.base.json_values import as_number
from comfy.base.messages import listed, sentences
from comfy.base.wording import did_you_mean
from comfy.workflow.shipped import with_messages

# Returns the message about a value of the wrong type. Takes its position and the setting's name.
SettingProblem = Callable[[str, str], str]
# key -> (reader that returns None for an invalid value, message about it)
SettingReaders = Mapping[str, tuple[Callable[[Any], Any], SettingProblem]]


def load_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return a file's content, with our own texts as messages, and an empty text. If it is
    unreadable, return no content and an error message."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return with_messages(path.name, data), ""
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        why = words_of(error) if isinstance(error, OSError) else str(error)
        return {}, f"{path.name} cannot be read: {why}."
    except tomllib.TOMLDecodeError as error:
        return {}, f"{path.name} is not valid TOML: {error!s}."


def readable_settings(
    said: Mapping[str, Any], known: SettingReaders, where: str, problems: list[str]
) -> dict[str, Any]:
    """Return the valid settings, with their values converted. Adds a message to `problems` for each
    other key."""
    good = {}
    for key, value in said.items():
        if key not in known:
            problems.append(
                sentences(
                    f"{where}: there is no setting “{key}”.",
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


def filled_text(value: object) -> str | None:
    """Return a text without surrounding spaces; None if it is empty or no text."""
    text = value.strip() if isinstance(value, str) else ""
    return (value if text == value else text) or None  # keeps a Message as it is


def as_flag(value: object) -> bool | None:
    """Return True or False; None for anything else."""
    return value if isinstance(value, bool) else None


def as_scalar(value: object) -> object:
    """Return a text, a number, True or False; None for anything else."""
    return value if isinstance(value, str | bool) or as_number(value) is not None else None


def as_texts(value: object) -> tuple[str, ...] | None:
    """Return a list of texts or whole numbers, as texts; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        return None
    return tuple(str(item) for item in value)


def as_named_ids(value: object) -> dict[str, str] | None:
    """Return a list of ids, or a table of ids and names, as names by id in the same order. An id
    without a name has an empty text; None for anything else."""
    if isinstance(value, dict) and all(isinstance(name, str) for name in value.values()):
        return {node: filled_text(name) or "" for node, name in value.items()}
    ids = as_texts(value)
    return None if ids is None else dict.fromkeys(ids, "")


def as_table(value: object) -> dict[str, Any] | None:
    """Return a table; None for anything else."""
    return value if isinstance(value, dict) else None


def no_text(place: str, name: str) -> str:
    """Return the message for a value that should be a text."""
    return f"{place}: “{name}” must be a string."


def no_flag(place: str, name: str) -> str:
    """Return the message for a value that should be true or false."""
    return f"{place}: “{name}” must be true or false."


def no_table(place: str, name: str) -> str:
    """Return the message for a value that should be a table."""
    return f"{place}: “{name}” must be a table."


def none_of(choices: Sequence[str]) -> SettingProblem:
    """Return a function for the message about a value that should be one of these."""
    return lambda place, name: f"{place}: “{name}” must be one of {listed(choices)}."
