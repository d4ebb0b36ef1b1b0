"""Every command in the documentation is run by a test, fits its program's own help, or is marked.

A mark is a comment in the line of the command, or in the line before its block:
`<!-- not run: needs Docker -->`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import app
from comfy import __main__ as shell
from tests.support.programs import needs
from tests.support.waiting import IMPORTING
from tools.docs_site import parts_pages
from ui.settings.arguments import read_settings

ROOT = Path(__file__).parents[2]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "tests/README.md", "workflows/README.md"),
    "comfyui_standin/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
    *parts_pages(),
)
JUSTFILE = (ROOT / "justfile").read_text(encoding="utf-8")
MARK = re.compile(r"<!-- not run: \w.* -->")
# A code span is a command if it begins with one of these, and has more words.
PROGRAM = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:\S*/)?(?:python3?|main\.py|comfyforms|pipx?|pip-audit|uvx?|hf|docker|systemctl"
    r"|curl|jq|openssl|node|npm|npx|biome|tsc|ruff|mypy|nginx|caddy|git|psql|pg_dump|just) \S"
)
PATH = re.compile(r"(?:tests|docs|workflows|ui|comfy)/[^<>]+")
# Commands that a test runs as they are: page, beginning, and the test.
RUN = (
    ("README.md", "python3 -m venv --upgrade-deps .venv && ", ".ci/run"),
    ("CONTRIBUTING.md", "python3 -m venv --upgrade-deps .venv && ", ".ci/run"),
    ("CONTRIBUTING.md", ".venv/bin/python app.py", "tests/docs/nightly/test_readme.py"),
    ("README.md", ".venv/bin/python -m comfyforms space ", "tests/cli/test_space_command.py"),
    ("README.md", ".venv/bin/python ", "tests/docs/nightly/test_readme.py"),
    ("docs/guide.md", ".venv/bin/python ", "tests/docs/nightly/test_readme.py"),
    (
        "docs/from_graph_to_form.md",
        ".venv/bin/python -m comfyforms space ",
        "tests/cli/test_space_command.py",
    ),
    ("docs/from_graph_to_form.md", ".venv/bin/python ", "tests/docs/test_readme.py"),
    ("docs/own_forms.md", ".venv/bin/python ", "tests/docs/nightly/test_readme.py"),
    ("docs/storage.md", "comfyforms backup ", "tests/docs/nightly/test_operating_page.py"),
    ("docs/storage.md", "comfyforms restore ", "tests/docs/nightly/test_operating_page.py"),
    ("docs/api.md", "curl ", "tests/docs/nightly/test_api_page.py"),
    ("docs/api.md", "jq ", "tests/docs/nightly/test_api_page.py"),
    ("docs/api_errors.md", "curl ", "tests/docs/nightly/test_api_page.py"),
    ("docs/api_errors.md", "for attempt ", "tests/docs/nightly/test_api_page.py"),
    ("comfyui_standin/README.md", "pip ", "tests/standin/nightly/test_distribution.py"),
    ("comfyui_standin/README.md", "comfyui-standin ", "tests/standin/nightly/test_distribution.py"),
    # A plugin's own test runs its calls.
    *(
        (page, "curl ", page.replace("docs.md", "tests/nightly/test_docs.py"))
        for page in parts_pages()
        if "\ncurl " in (ROOT / page).read_text(encoding="utf-8")
    ),
)


class Command(NamedTuple):
    page: str
    text: str
    is_marked: bool

    @property
    def test(self) -> str:
        """Return the test that runs it, or ""."""
        fits = (test for page, start, test in RUN if self.page == page and self.starts(start))
        return next(fits, "")

    def starts(self, start: str) -> bool:
        return self.text.startswith(start)


def commands_of(page: str, text: str) -> Iterator[Command]:
    """Yield the commands of a page, in blocks and in code spans."""
    before, fence, block = "", "", ""
    for line in text.splitlines():
        if line.startswith("```"):
            if fence == "sh":
                yield from in_block(page, block, is_marked=bool(MARK.search(before)))
            fence, block = "" if fence else line[3:] or "text", ""
        elif fence:
            block += f"{line}\n"
        else:
            for span in re.findall(r"`([^`]+)`", line):
                if PROGRAM.match(span):
                    yield Command(page, span, bool(MARK.search(line)))
            before = line or before


def in_block(page: str, block: str, *, is_marked: bool) -> Iterator[Command]:
    """Yield a loop as one command, and each other line, with the lines that continue it."""
    whole = block.replace("\\\n", "")
    lines = [whole] if whole.startswith("for ") else whole.splitlines()
    yield from (Command(page, line, is_marked) for line in lines)


COMMANDS = [
    one for page in PAGES for one in commands_of(page, (ROOT / page).read_text(encoding="utf-8"))
]
CHECKED = {
    part: one.page
    for one in COMMANDS
    if not one.is_marked and not one.test
    for part in one.text.split(" && ")
}


@pytest.mark.parametrize("command", CHECKED)
def test_a_command_fits_its_program(command: str) -> None:
    """Its options are in the help of the program or subcommand, and its files exist."""
    words = shlex.split(re.sub(r"^([A-Z_]+=\S+ )+|^python (?=app.py)", "", command))
    text = help_of(tuple(subcommand(words)))
    options = {re.split(r"[=\s]", word)[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
    assert not {one for one in options - {"-m", "--help"} if one not in text}, text
    assert not [word for word in words[1:] if PATH.fullmatch(word) and not any(ROOT.glob(word))]


def test_each_test_of_a_command_exists() -> None:
    """No row is left over, and a marked command needs no row."""
    used = {(one.page, start) for one in COMMANDS for _, start, _ in RUN if one.starts(start)}
    assert not [row for row in RUN if row[:2] not in used]
    assert not [test for _, _, test in RUN if not (ROOT / test).exists()]


def test_a_new_command_needs_a_check_or_a_mark() -> None:
    """A command of an unknown program, or with an unknown option, fails."""
    page = "Run `uv tool run x`, and `comfyforms --prot 1`.\n\n<!-- not run: a reason -->\n```sh\na b\n```\n"
    first, second, third = commands_of("README.md", page)
    assert [first.is_marked, second.is_marked, third.is_marked] == [False, False, True]
    with pytest.raises(AssertionError):
        test_a_command_fits_its_program(second.text)


def test_nothing_is_installed_from_an_index_that_lacks_it() -> None:
    """ComfyForms isn't published yet, so all pages install a checkout."""
    found = re.compile(r"(?:install|pipx run|uvx) '?comfyforms\b")
    assert not [page for page in PAGES if found.search((ROOT / page).read_text(encoding="utf-8"))]


def subcommand(words: list[str]) -> Iterator[str]:
    """Yield the program and its subcommands, as far as they are names."""
    yield words[0]
    rest = iter(words[1:])
    if words[1:2] == ["-m"]:
        yield from ("-m", words[2])
        rest = iter(words[3:])
    for word in rest:
        if not re.fullmatch(r"[a-z]+(-[a-z]+)*", word):
            return
        yield word


@functools.cache
def help_of(words: tuple[str, ...]) -> str:
    """Return a program's help. Our own commands answer in this process."""
    program, *rest = Path(words[0]).name, *words[1:]
    if program == "python" and rest[:1] == ["-m"] and rest[1].startswith(("tools.", "tests.")):
        module = ROOT / rest[1].replace(".", "/")
        file = module / "__main__.py" if module.is_dir() else module.with_suffix(".py")
        return file.read_text(encoding="utf-8")
    if program == "python" and rest[:2] == ["-m", "pytest"]:  # its help takes seconds
        return f"-q -n {(ROOT / 'conftest.py').read_text(encoding='utf-8')}"
    if program == "python" and rest[:2] == ["-m", "comfy"]:
        return printed(lambda: shell.main([*rest[2:3], "--help"]))
    if program == "just":
        assert not rest or rest[0] in re.findall(r"^([\w-]+)[\w *]*:", JUSTFILE, re.M), rest[0]
        return "--list"
    if program == "comfyforms" and rest and rest[0] in shell.COMMANDS:
        return printed(lambda: shell.main([rest[0], "--help"]))
    if program in ("comfyforms", "app.py"):
        command = app._COMMANDS.get(rest[0] if rest else "")
        if command is not None:
            return printed(lambda: command([*rest[1:], "--help"]))
        assert not rest, f"{rest[0]} is no command"
        return printed(lambda: read_settings(["--help"]))
    beside = Path(sys.executable).with_name(program)
    found = [str(ROOT / words[0])] if "node_modules" in words[0] else [str(beside)]
    if program == "python":
        found = [sys.executable, *rest[:2]]
        rest = rest[2:]
    elif not Path(found[0]).exists():
        needs(program)
        found = [program]
    done = subprocess.run(
        [*found, *rest, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=IMPORTING,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def printed(call: Callable[[], object]) -> str:
    """Return what a command prints before it exits with 0."""
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as end:
        call()
    assert end.value.code == 0
    return out.getvalue()
