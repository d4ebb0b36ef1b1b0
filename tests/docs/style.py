"""Find the constructions that the writing style avoids, in every text that people read."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.messages import read_catalog
from ui.languages.catalogs import Languages

ROOT = Path(__file__).parents[2]
PRODUCT = ("app.py", "comfy", "ui", "comfyforms")
CODE = (*PRODUCT, "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "workflows", "comfy", "comfyforms")
SCRIPTS = ("ui", "comfyforms", "tests/script")
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
_CODE = re.compile(r"```.*?```|`[^`]*`", re.S)  # in Markdown
_Text = tuple[int, str]  # the number of its first line, and the text
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def all_hits() -> list[str]:
    """Return all hits as `path:line: word`, and those in UI text, which may ask "How many", as
    `text: word`."""
    hits: list[str] = []
    for path in (file for top in CODE for file in python_files(ROOT / top)):
        hits += _hits_of(path, prose_of(path))
    for path in (file for top in PRODUCT for file in python_files(ROOT / top)):
        hits += _hits_of(path, strings_of(path), starts=False)
    for path in (file for top in SCRIPTS for file in sorted((ROOT / top).rglob("*.[jc]s*"))):
        if "node_modules" not in path.parts and path.suffix in (".js", ".css"):
            hits += _hits_of(path, comments_of(path), starts=False)
    for path in (one for top in PAGES for one in markdown_files(ROOT / top)):
        text = _CODE.sub(lambda code: "\n" * code[0].count("\n"), path.read_text(encoding="utf-8"))
        hits += _hits_of(path, [(1, text)])
    return hits + [f"{text}: {one[0]}" for text in messages() for one in WORDS.finditer(text)]


def _hits_of(path: Path, texts: Iterable[_Text], *, starts: bool = True) -> Iterator[str]:
    name = path.relative_to(ROOT).as_posix()
    for line, text in texts:
        for hit in hits_in(text) if starts else WORDS.finditer(text):
            yield f"{name}:{line + text.count(chr(10), 0, hit.start())}: {hit[0]}"


def hits_in(text: str) -> list[re.Match[str]]:
    """Return the hits in a text."""
    start = STARTS.match(text)
    return [*([start] if start else ()), *WORDS.finditer(text)]


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


def comments_of(path: Path) -> Iterator[_Text]:
    """Yield the comments of a script or a style sheet."""
    source = path.read_text(encoding="utf-8")
    for comment in COMMENT.finditer(source):
        yield source.count("\n", 0, comment.start()) + 1, comment[0]


def strings_of(path: Path) -> Iterator[_Text]:
    """Yield the texts in the code of a Python file, such as errors, log lines and help."""
    source = path.read_text(encoding="utf-8")
    if not WORDS.search(source):
        return
    tree = ast.parse(source)
    docstrings = {ast.get_docstring(node, clean=False) for node in _documented(tree)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if SENTENCE.search(text) and text not in docstrings:
                yield node.lineno, text


def _documented(node: ast.AST) -> Iterator[_Documented]:
    if isinstance(node, _Documented):
        yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _documented(child)


def prose_of(path: Path) -> Iterator[_Text]:
    """Yield the docstrings and comments of a Python file, and the names of its tests."""
    source = path.read_text(encoding="utf-8")
    for node in _documented(ast.parse(source)):
        if docstring := ast.get_docstring(node):
            yield node.body[0].lineno, docstring
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.removeprefix("test_").replace("_", " ")
    if not any(hits_in(part.lstrip()) for part in _AFTER_HASH.findall(source)):
        return  # reading all tokens takes ten times as long
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
