"""Every setting has an effect, and administrators can read about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ui.settings.arguments import settings_type
from ui.settings.server_options import PREFIX

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "ui", ROOT / "comfyforms" / "plugins")
SOURCES = (ROOT / "app.py", *(file for folder in FOLDERS for file in folder.rglob("*.py")))
PAGES = (*(ROOT / "docs").glob("*.md"), *(ROOT / "comfyforms" / "plugins").glob("*/docs.md"))
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
OPTIONS = {one.__name__ for one in settings_type().__mro__}


def reads() -> Iterator[str]:
    """Yield the attributes that functions read of their `Settings`, and settings of themselves."""
    for source in SOURCES:
        for part in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = (*part.args.posonlyargs, *part.args.args, *part.args.kwonlyargs)
                for one in arguments:
                    if isinstance(one.annotation, ast.Name) and one.annotation.id in OPTIONS:
                        yield from attributes(part, one.arg)
                if re.search(r"settings\b.* = (app\.own|read)_settings\(", ast.unparse(part)):
                    yield from attributes(part, "settings")
            elif isinstance(part, ast.ClassDef) and part.name in OPTIONS:
                yield from attributes(part, "self")


def attributes(part: ast.AST, name: str) -> Iterator[str]:
    """Yield the attributes of a variable that a part of a program reads."""
    for one in ast.walk(part):
        match one:
            case ast.Attribute(value=ast.Name(id=known), attr=attribute) if known == name:
                yield attribute


def test_every_setting_has_an_effect() -> None:
    """Some code reads it. If this fails, pass it on in `app.py`. `config` is read earlier."""
    assert settings_type().model_fields.keys() - set(reads()) == {"config"}


@pytest.mark.parametrize("name", sorted(settings_type().model_fields))
def test_every_setting_is_documented(name: str) -> None:
    """A page of the docs names the option, or the setting in a file."""
    option = re.escape(f"--{name.replace('_', '-')}")
    variable = re.escape(f"{PREFIX}{name.upper()}")
    in_a_file = rf"^{name} = |^\[{name}\]|\[\[{name}\]\]"
    assert re.search(rf"{option}(?![\w-])|{variable}\b|{in_a_file}", DOCS, re.MULTILINE)
