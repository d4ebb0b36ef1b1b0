"""The app's settings as given: arguments, otherwise COMFYFORMS_… variables, otherwise a file,
otherwise the defaults."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import NoReturn, get_args

from pydantic import BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from comfy.base.errors import ComfyError
from comfy.base.secret_options import secrets_can_be_read
from comfy.base.version import app_version
from comfyforms.plugin_manager import contributed
from ui.settings.folders import INSTALLED, PROGRAM
from ui.settings.named_servers import (
    OWN,
    NamedServer,
    Secret,
    at_home,
    unreadable,
    warn_if_public,
)
from ui.settings.options import Settings
from ui.settings.server_options import PREFIX, LocalServer

log = logging.getLogger(__name__)

USAGE_ERROR = 2

# In place of the settings that need users.
_NO_RIGHTS: Mapping[str, object] = {"open": "auto", "keep": "auto", "operators": ()}

_COMMAND_FIRST = f"A command comes before the options: {PROGRAM} user add NAME --data DIR."

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

_REPEATED = frozenset({"server"})  # options that can be given several times
# Keys of `[[server]]`. It is an option, too, unlike the settings in `_tables`.
_SERVER = tuple({"url": 0, "name": 0, **NamedServer.model_fields, **LocalServer.model_fields})


@cache
def settings_type() -> type[Settings]:
    """Return the class of the settings, with the fields that plugins add."""
    added = contributed("settings")
    own = [one for one in added if issubclass(one, Settings)]
    others = [one for one in added if one not in own]
    return create_model("AllSettings", __base__=(*own, Settings, *others))


@cache
def _fields() -> Mapping[str, FieldInfo]:
    """Return the settings by name, with the plugins' settings last."""
    return Settings.model_fields | settings_type().model_fields


@cache
def secrets() -> Mapping[str, Secret]:
    """Return the settings that may contain a secret."""
    marked = ((name, mark) for name, field in _fields().items() for mark in field.metadata)
    return {name: mark for name, mark in marked if isinstance(mark, Secret)}


@cache
def _tables() -> Mapping[str, Sequence[str]]:
    """Return the settings that are tables or lists of them in the file of `--config`, and the keys
    of a table. The keys of a base class come last."""
    return {
        name: sorted(table.model_fields, key=lambda key: key not in table.__annotations__)
        for name, field in _fields().items()
        for table in (field.annotation, *get_args(field.annotation))
        if isinstance(table, type) and issubclass(table, BaseModel)
    }


def has_option(name: str) -> bool:
    """Return whether a setting can be given on the command line."""
    secret = secrets().get(name)
    return name not in _tables() and (secret is None or secret.is_option)


def reported(command: str, does: Callable[[], str]) -> int:
    """Run a command and print its result. Return the exit code: 0, or 2 with a message on
    failure."""
    try:
        print(does())
    except ComfyError as problem:
        print(f"{PROGRAM} {command}: {problem} {problem.hint}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def read_settings(arguments: Sequence[str] | None, *, serves: bool = True) -> Settings:
    """Return the settings in force; `arguments` default to the program's own. `serves`: they start
    the app. Other commands ignore rights, whose users may not exist yet.

    Exits with status 2 if any are wrong. The error names all of them and never repeats what was
    typed.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    given, problems = _parse(arguments)
    known = [_variable(name) for name in _fields()]
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
        settings = settings_type().model_validate(
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
    secret = secrets().get(name)
    return secret is not None and secret.part.search(str(value or "")) is not None


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
        epilog=_about_others(),
    )
    offered = {name: one for name, one in _fields().items() if has_option(name)}
    for name, field in offered.items():
        secret = "; secrets belong in the variable or the file of --config"
        about = f"{field.description}{secret if name in secrets() else ''}"
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
        if word.startswith("-")
    ]
    if plain := [word for word in unknown if not word.startswith("-")]:
        number = 1 + arguments.index(plain[0])
        problems.append(f"argument {number} is not an option. {_COMMAND_FIRST}")
    given: dict[str, object] = {}
    for name, (value, *more) in vars(known).items():
        if more and name in _REPEATED:
            value = " ".join([value, *more])
        elif more:
            problems.append(f"{_option(name)}: use it only once.")
        given[name] = value or _fields()[name].default
    return given, problems


def _about_others() -> str:
    """Return the help text about the settings that aren't options."""
    fields, hidden = _fields(), [name for name in sorted(secrets()) if not has_option(name)]
    return " ".join(
        (
            "All users of this machine can read command lines.",
            *(
                f"{_variable(name)} is therefore not an option: {fields[name].description}."
                for name in hidden
            ),
            *(
                f"{_heading(fields[name], name)} in the file of --config describes"
                f" {fields[name].description}."
                for name in _tables()
            ),
        )
    )


def _heading(field: FieldInfo, name: str) -> str:
    return f"[[{name}]]" if isinstance(field.default, tuple) else f"[{name}]"


def _read_file(name: object) -> tuple[dict[str, object], list[str]]:
    """Return the settings in a TOML file by name, and their problems; an unreadable file is a
    problem of its own."""
    if not name:
        return {}, []
    path = at_home(Path(str(name)))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        if not secrets().keys().isdisjoint(document):
            warn_if_public(path.name, path.stat())
    except tomllib.TOMLDecodeError as error:
        where = str(error).rpartition("(")[2].rstrip(")")
        return {}, [f"{_option('config')}: the file is not valid TOML ({where})."]
    except UnicodeDecodeError as error:
        return {}, [f"{_option('config')}: {unreadable(error).message()}"]
    except (OSError, ValueError):
        return {}, []
    known = [one for one in _fields() if one != "config"]
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
    keys = _SERVER if name == "server" else _tables().get(name, ())
    words = (
        _WORDS.get(problem["type"], "the value has the wrong type.")
        .format_map({**problem.get("ctx", {}), "keys": ", ".join(keys), "key": key})
        .replace("'", "")
    )
    if problem["type"] == OWN:
        words = problem["msg"]
    missing = problem["type"] == "missing"
    parts = (
        f"{one}: " for one in problem["loc"][1:] if one in keys and one != "url" and not missing
    )
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
