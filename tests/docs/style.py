"""Count the constructions that the writing style avoids, in every text that people read."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.messages import read_catalog
from ui.languages.catalogs import Languages

ROOT = Path(__file__).parents[2]
PRODUCT = ("app.py", "comfy", "ui", "comfyforms")
CODE = (*PRODUCT, "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "workflows", "comfy", "comfyforms")
SCRIPTS = ("ui", "comfyforms", "tests/script")
UI_TEXT, DOCS = "UI text", "docs"
SENTENCE = re.compile(r"\S+(?:\s+\S+){3}")  # four words: probably a text for readers
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.S)
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

_AFTER_HASH = re.compile(r"#([^#\n]*)")
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def hits_by_folder() -> Counter[str]:
    """Count the hits per package, and those in UI text and in the docs."""
    hits: Counter[str] = Counter()
    for path in (file for top in CODE for file in python_files(ROOT / top)):
        hits[_folder_of(path)] += sum(map(hits_in, prose_of(path)))
    for path in (file for top in PRODUCT for file in python_files(ROOT / top)):
        hits[_folder_of(path)] += sum(len(WORDS.findall(text)) for text in strings_of(path))
    for path in (file for top in SCRIPTS for file in sorted((ROOT / top).rglob("*.[jc]s*"))):
        if "node_modules" not in path.parts and path.suffix in (".js", ".css"):
            comments = COMMENT.findall(path.read_text(encoding="utf-8"))
            hits[_folder_of(path)] += sum(len(WORDS.findall(comment)) for comment in comments)
    for path in (one for top in PAGES for one in markdown_files(ROOT / top)):
        text = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
        hits[DOCS] += hits_in(text)
    hits[UI_TEXT] += sum(
        len(WORDS.findall(text)) for text in messages()
    )  # labels may ask "How many"
    return +hits


def _folder_of(path: Path) -> str:
    return "/".join(path.relative_to(ROOT).parts[:-1][:2]) or path.name


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
    for file in Languages().all["de"].files:
        for message in read_catalog(file):
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            yield from filter(None, ids)


def strings_of(path: Path) -> Iterator[str]:
    """Yield the texts in the code of a Python file, such as errors, log lines and help."""
    source = path.read_text(encoding="utf-8")
    if not WORDS.search(source):
        return
    tree = ast.parse(source)
    docstrings = {ast.get_docstring(node, clean=False) for node in _documented(tree)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if SENTENCE.search(text) and text not in docstrings:
                yield text


def _documented(node: ast.AST) -> Iterator[_Documented]:
    if isinstance(node, _Documented):
        yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _documented(child)


def prose_of(path: Path) -> Iterator[str]:
    """Yield the docstrings and comments of a Python file, and the names of its tests."""
    source = path.read_text(encoding="utf-8")
    for node in _documented(ast.parse(source)):
        yield ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name.removeprefix("test_").replace("_", " ")
    if not any(hits_in(part.lstrip()) for part in _AFTER_HASH.findall(source)):
        return  # reading all tokens takes ten times as long
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")
