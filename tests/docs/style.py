"""Count the constructions that the writing style avoids, in every text that people read."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CODE = ("app.py", "comfy", "ui", "comfyforms", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs")
UI_TEXT, DOCS = "UI text", "docs"
# A docstring starts with a verb, or with the noun of its class.
STARTS = re.compile(
    r"(?:What|Who|Whoever|Whether|Those|Of|The same|The one|As|How|So many|That|All that)\b"
)
# Words for a role that should be named, and phrases that have to be translated to be understood.
WORDS = re.compile(
    r"\b(?:whoever|whatever|nobody|somebody|anybody|once more|anew|so many|so much|of which"
    r"|with what|from which|is none|are none|go(?:es|ing)? on|went on|all that|those of|that of"
    r"|is told|are told|what is|image servers?)\b",
    re.I,
)


def hits_by_folder() -> Counter[str]:
    """Count the hits per package, and those in UI text and in the docs."""
    hits: Counter[str] = Counter()
    for path in (one for top in CODE for one in python_files(ROOT / top)):
        folder = "/".join(path.relative_to(ROOT).parts[:-1][:2]) or path.name
        hits[folder] += sum(map(hits_in, prose_of(path)))
    for path in (one for top in PAGES for one in markdown_files(ROOT / top)):
        text = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
        hits[DOCS] += hits_in(text)
    hits[UI_TEXT] += sum(
        len(WORDS.findall(text)) for text in messages()
    )  # labels may ask "How many"
    return +hits


def hits_in(text: str) -> int:
    """Count the hits in a text."""
    return len(WORDS.findall(text)) + (STARTS.match(text) is not None)


def python_files(top: Path) -> Iterable[Path]:
    """Return a file, or the Python files of a folder."""
    return [top] if top.is_file() else sorted(top.rglob("*.py"))


def markdown_files(top: Path) -> Iterable[Path]:
    """Return a file, or the pages of a folder."""
    return [top] if top.is_file() else sorted(top.rglob("*.md"))


def messages() -> Iterator[str]:
    """Yield every message id, plural forms included."""
    with (ROOT / "ui/languages/de/LC_MESSAGES/messages.po").open("rb") as file:
        for message in read_po(file):
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            yield from filter(None, ids)


def prose_of(path: Path) -> Iterator[str]:
    """Yield the docstrings and comments of a Python file, and the names of its tests."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name.removeprefix("test_").replace("_", " ")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")
