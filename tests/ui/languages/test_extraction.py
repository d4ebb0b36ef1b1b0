"""Translators get every sentence in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.imports import ROOT
from tests.support.languages.catalogs import extracted

SCRIPTS = [
    *(ROOT / "ui" / "page" / "script").rglob("*.js"),
    *(ROOT / "comfyforms" / "plugins").glob("*/script/**/*.js"),
]
CALL = re.compile(r"(?<![\w.])(message|plural)\(")
LITERAL = re.compile(r"\s*[\"']")


def calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("comfy", "ui", "comfyforms/plugins"):
        files = (file for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts)
        for file in files:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id="message" | "plural")):
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def test_every_message_in_python_is_found_by_extraction() -> None:
    """Each call contains its sentence as a plain literal. An f-string would hide the sentence."""
    known = {one.id if isinstance(one.id, str) else tuple(one.id) for one in extracted()}
    singles = known | {one[0] for one in known if isinstance(one, tuple)}
    missed = []
    for where, call in calls():
        of_number = isinstance(call.func, ast.Name) and call.func.id == "plural"
        said = call.args[: 2 if of_number else 1]
        texts = tuple(one.value for one in said if isinstance(one, ast.Constant))
        if not (texts in known if of_number else texts and texts[0] in singles):
            missed.append(where)
    assert not [one for one in missed if not one.startswith("comfy/base/messages.py")]


def test_every_message_in_the_script_is_a_literal() -> None:
    """No call has a variable or a template as its sentence."""
    texts = {
        file: file.read_text(encoding="utf-8") for file in SCRIPTS if file.name != "messages.js"
    }
    wrong = [
        f"{file.relative_to(ROOT)}:{text.count(chr(10), 0, one.start()) + 1}"
        for file, text in texts.items()
        for one in CALL.finditer(text)
        if not LITERAL.match(text, one.end())
    ]
    assert not wrong


def test_a_call_passes_the_values_named_in_its_sentence() -> None:
    """Every value that a call passes appears by name in the sentence."""
    wrong = []
    for where, call in calls():
        names = {one.arg for one in call.keywords if one.arg}
        forms = [one.value for one in call.args if isinstance(one, ast.Constant)]
        spread = any(one.arg is None for one in call.keywords)
        for form in forms:
            used = set(re.findall(r"\{(\w+)\}", str(form))) if names else set()
            if not spread and not (used <= names and names - used <= {"count"}):
                wrong.append(f"{where}: {form}")
    assert not wrong
