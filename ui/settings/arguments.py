"""The app's settings as given: arguments, otherwise COMFYFORMS_… variables, otherwise a file,
otherwise the defaults."""

from __future__ import annotations

import logging
import os
import re
import sys
import tomllib
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError, create_model
from pydantic_core import ErrorDetails

from comfy.base.secret_options import secrets_can_be_read
from comfy.base.version import app_version
from comfyforms.plugin_manager import contributed
from ui.settings.folders import INSTALLED, PROGRAM
from ui.settings.named_servers import (
    OWN,
    NamedServer,
    ServerAccess,
    at_home,
    unreadable,
    warn_if_public,
)
from ui.settings.options import NO_OPTION, REPEATED, SECRET, Settings
from ui.settings.scales import ScaleTable
from ui.settings.server_options import PREFIX, LocalServer

log = logging.getLogger(__name__)

USAGE_ERROR = 2

# In place of the settings that need users.
_NO_RIGHTS: Mapping[str, object] = {"open": "auto", "keep": "auto", "operators": ()}

# Messages for pydantic's errors. They never repeat the value, which may contain a password.
_WORDS: Mapping[str, str] = {
    "extra_forbidden": "unknown key in a table; use {keys}.",
    "missing": "a table has no {key}.",
    "string_pattern_mismatch": "write at most 30 small letters, digits and hyphens.",
    "greater_than": "more than {gt:.15g}.",
    "greater_than_equal": "at least {ge:.15g}.",
    "less_than_equal": "at most {le:.15g}.",
    "finite_number": "write a number, like 30.",
    "float_parsing": "write a number, like 30.",
    "int_parsing": "write a whole number, like 30.",
    "int_parsing_size": "write a whole number, like 30.",
    "literal_error": "choose {expected}.",
}

# Settings that are tables, and their keys. An error in a key names it, except for the address,
# which the option itself has.
_TABLES: Mapping[str, Sequence[str]] = {
    "server": tuple({"url": 0, "name": 0, **NamedServer.model_fields, **LocalServer.model_fields}),
    "scale": sorted(ScaleTable.model_fields, key=ServerAccess.model_fields.__contains__),
}
_PARTS = {key for keys in _TABLES.values() for key in keys} - {"url"}

# Patterns that match values with a secret. A secret option without a pattern is secret with any
# value.
_SECRET_PART: Mapping[str, re.Pattern[str]] = {
    "server": re.compile("@"),
    **dict.fromkeys(("database", "wire"), re.compile(r"\A[^/]*//[^:@]*:[^@]*@|password=")),
}
_ANYTHING = re.compile(".")


@cache
def _settings_type() -> type[Settings]:
    """Return the class of the settings, with the fields that plugins add."""
    added = contributed("settings")
    return create_model("AllSettings", __base__=(Settings, *added)) if added else Settings


def read_settings(arguments: Sequence[str] | None = None, *, serves: bool = True) -> Settings:
    """Return the settings in force; `arguments` default to the program's own. `serves`: they start
    the app. Other commands ignore rights, whose users may not exist yet.

    Exits with status 2 if any are wrong. The error names all of them and never repeats what was
    typed.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    given, problems = _parse(arguments)
    known = [_variable(name) for name in _settings_type().model_fields]
    for variable in os.environ:
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            log.warning("Unknown setting %s.%s", variable, _did_you_mean(variable.upper(), known))
    in_variables = {name.upper(): value for name, value in os.environ.items() if value}
    in_file, more = _read_file(given.get("config") or in_variables.get(_variable("config")))
    problems += more
    in_file = {
        name: value for name, value in in_file.items() if _variable(name) not in in_variables
    }
    try:
        settings = _settings_type().model_validate(
            {**in_file, **given, **({} if serves else _NO_RIGHTS)}
        )
    except ValidationError as error:
        names = {name: name for name in in_file} | {name: _option(name) for name in given}
        details = error.errors(include_url=False, include_input=False)
        problems += [line for problem in details for line in _sentence(problem, names).splitlines()]
    if problems:
        print(
            *(f"{PROGRAM}: {problem}" for problem in dict.fromkeys(problems)),
            sep="\n",
            file=sys.stderr,
        )
        sys.exit(USAGE_ERROR)
    if secret := [name for name in given if _holds_secret(name, given[name])]:
        instead = f"the variable {', '.join(map(_variable, secret))}, or the file of --config"
        log.warning("%s", secrets_can_be_read(map(_option, secret), instead))
    return settings


def _holds_secret(name: str, value: object) -> bool:
    part = _SECRET_PART.get(name, _ANYTHING)
    return name in SECRET and part.search(str(value or "")) is not None


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit with our own message for a missing value, or for a value of `--help`; argparse's
        message would repeat what was typed."""
        option = message.removeprefix("argument ").partition(":")[0]
        self.exit(USAGE_ERROR, f"{PROGRAM}: {option}: the value is missing, or not allowed.\n")


def _parse(arguments: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Return the settings' values by name, and the problems with them; an empty text means the
    default.

    `--help` and `--version` exit.
    """
    parser = _Parser(
        PROGRAM,
        f"{PROGRAM} [--OPTION VALUE …]",
        f"Opens ComfyUI workflows as web forms. To manage users: {PROGRAM} user --help.",
        allow_abbrev=False,
        epilog="All users of this machine can read command lines. "
        + " ".join(
            f"{_variable(name)} is therefore not an option:"
            f" {_settings_type().model_fields[name].description}."
            for name in sorted(NO_OPTION & SECRET)
        )
        + " [[scale]] in the file of --config names"
        f" {_settings_type().model_fields['scale'].description}.",
    )
    offered = {
        name: one for name, one in _settings_type().model_fields.items() if name not in NO_OPTION
    }
    for name, field in offered.items():
        secret = "; secrets belong in the variable or the file of --config"
        about = f"{field.description}{secret if name in SECRET else ''}"
        about = f"{about} [{_variable(name)}]{_default(field.default)}".replace("%", "%%")
        parser.add_argument(
            _option(name),
            action="append",
            default=SUPPRESS,
            metavar=field.title,
            help=about,
        )
    parser.add_argument("--version", action="version", version=f"ComfyForms {app_version()}")
    known, unknown = parser.parse_known_args(arguments)
    options = [_option(name) for name in offered]
    problems = [
        f"argument {1 + arguments.index(word)} is not an"
        f" option.{_did_you_mean(word.partition('=')[0], options)}"
        for word in unknown
    ]
    given: dict[str, object] = {}
    for name, (value, *more) in vars(known).items():
        if more and name in REPEATED:
            value = " ".join([value, *more])
        elif more:
            problems.append(f"{_option(name)}: use it only once.")
        given[name] = value or _settings_type().model_fields[name].default
    return given, problems


def _read_file(name: object) -> tuple[dict[str, object], list[str]]:
    """Return the settings in a TOML file by name, and their problems; an unreadable file is a
    problem of its own."""
    if not name:
        return {}, []
    path = at_home(Path(str(name)))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        if not SECRET.isdisjoint(document):
            warn_if_public(path.name, path.stat())
    except tomllib.TOMLDecodeError as error:
        where = str(error).rpartition("(")[2].rstrip(")")
        return {}, [f"{_option('config')}: the file is not valid TOML ({where})."]
    except UnicodeDecodeError as error:
        return {}, [f"{_option('config')}: {unreadable(error).message()}"]
    except (OSError, ValueError):
        return {}, []
    known = [one for one in _settings_type().model_fields if one != "config"]
    strange = [
        f"{_option('config')}: unknown setting {one!a}.{_did_you_mean(one, known)}"
        for one in document
        if one not in known
    ]
    return {one: _plain(document[one]) for one in known if document.get(one, "") != ""}, strange


def _plain(value: object) -> object:
    """Return a value of a TOML file as a user would type it: a list becomes words separated by
    commas, and `true` a word. A list of tables stays unchanged."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and not any(isinstance(one, dict) for one in value):
        return ",".join(map(str, value))
    return value


def _sentence(problem: ErrorDetails, names: Mapping[str, str]) -> str:
    """Return the message about a setting, under the name that the administrator used."""
    if not problem["loc"]:
        return problem["msg"]
    name, key = str(problem["loc"][0]), problem["loc"][-1]
    words = (
        _WORDS.get(problem["type"], "the value has the wrong type.")
        .format_map(
            {**problem.get("ctx", {}), "keys": ", ".join(_TABLES.get(name, ())), "key": key}
        )
        .replace("'", "")
    )
    if problem["type"] == OWN:
        words = problem["msg"]
    missing = problem["type"] == "missing"
    parts = (f"{one}: " for one in problem["loc"][1:] if one in _PARTS and not missing)
    return f"{names.get(name, _variable(name))}: {''.join(parts)}{words}"


def _did_you_mean(word: str, names: Iterable[str]) -> str:
    return "".join(f" Did you mean {name}?" for name in get_close_matches(word, names, 1))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _default(value: object) -> str:
    """Return the help text for a default, written as a user would type it."""
    match value:
        case None | () | "":
            return ""
        case Path():
            return f" (default: {value if INSTALLED else value.name + ', beside app.py'})"
        case tuple():
            return f" (default: {','.join(value)})"
        case float():
            return f" (default: {value:g})"
        case _:
            return f" (default: {value})"
