"""Descriptions say more than the code below them, in no more lines than they need."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.style import PRODUCT, ROOT, python_files

WIDTH = 120  # of a comment in scripts
OF_TYPES = re.compile(
    r"^([ \t]*)/\*\*\n((?:[ \t]*\* @(?:param \{.*\} \S+|(?:returns|type) \{.*\})\n)+)[ \t]*\*/$",
    re.MULTILINE,
)
SCRIPTS = ("ui/page", "comfyforms/comfyui_node/web")
SHORT = 5  # lines of a body
SMALL = re.compile(
    r"an?|and|are|as|at|by|each|for|from|ha[sv]e?|i[fns]|its|o[fnr]|returns?|th(?:at|e|eir|is)|to"
    r"|whether|with|yields?",
    re.IGNORECASE,
)
ENDING = re.compile(r"(?<=..)(?:ing|ies|ed|es|s|e|y)$")


def test_a_script_comment_of_types_alone_is_one_line() -> None:
    wrong = []
    for file in (one for top in SCRIPTS for one in sorted((ROOT / top).rglob("*.js"))):
        for found in OF_TYPES.finditer(file.read_text(encoding="utf-8")):
            tags = " ".join(line.strip(" \t*") for line in found[2].splitlines())
            if len(line := f"{found[1]}/** {tags} */") <= WIDTH:
                wrong.append(f"{file.relative_to(ROOT)}: {line.strip()}")
    assert wrong == []


def words_in(text: str) -> set[str]:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)
    return {ENDING.sub("", word.lower()) for word in words if not SMALL.fullmatch(word)}


def repeats(file: Path) -> Iterator[str]:
    """Yield the short private functions whose docstrings have no word that isn't in their code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        is_private = node.name.startswith("_") and not node.name.startswith("__")
        docstring, body = ast.get_docstring(node), node.body[1:]
        if not is_private or not docstring or not body:
            continue
        if (body[-1].end_lineno or 0) - body[0].lineno >= SHORT:
            continue
        code = " ".join([node.name, ast.unparse(node.args), *map(ast.unparse, body)])
        if words_in(docstring) <= words_in(code + (ast.unparse(node.returns or node.args))):
            yield f"{file.relative_to(ROOT)}:{node.lineno} {docstring}"


def test_no_private_docstring_repeats_its_code() -> None:
    """A private function of up to five lines needs none, unless it tells something more."""
    files = (file for top in PRODUCT for file in python_files(ROOT / top))
    assert [one for file in files for one in repeats(file)] == []
