"""Plugins own everything that they bring: their words occur nowhere outside their folders."""

from __future__ import annotations

import contextlib
import re
import subprocess
from functools import cache
from importlib import import_module

import pytest

from tests.imports import ROOT

# Texts about all of the app, for users; lists of packages; and names that users import.
EVERYWHERE = (
    *("CHANGELOG.md", "README.md", "tests/data/", "pyproject.toml", "docs/constraints"),
    *("comfy/requirements/known_packs.tsv", "comfyforms/__init__.py"),
)

# All plugins, and other folders with words of their own.
OWNERS = [
    file.parent.relative_to(ROOT).as_posix()
    for file in sorted((ROOT / "comfyforms").glob("**/__init__.py"))
    if file.parents[1].name == "plugins" or "\nNOUNS = " in file.read_text(encoding="utf-8")
]


@cache
def texts() -> dict[str, str]:
    """Return the checkout's texts by path: all files in UTF-8."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found = dict[str, str]()
    for path in listed.stdout.splitlines():
        if not path.startswith(EVERYWHERE) and (ROOT / path).is_file():
            with contextlib.suppress(UnicodeDecodeError):
                found[path] = (ROOT / path).read_text(encoding="utf-8")
    return found


def test_a_plugin_owns_all_it_brings() -> None:
    assert OWNERS


@pytest.mark.parametrize("plugin", OWNERS)
def test_a_plugins_words_include_its_path(plugin: str) -> None:
    """A plugin that is named by a word of the app, such as `scaling`, owns at least its path."""
    nouns = import_module(plugin.replace("/", ".")).NOUNS
    word = re.compile("|".join(nouns), re.IGNORECASE)
    ways = plugin, plugin.replace("/", ".")
    assert [one for one in ways if not word.search(one)] == []


@pytest.mark.parametrize("plugin", OWNERS)
def test_a_plugins_words_occur_only_in_its_folder(plugin: str) -> None:
    """To change or remove a plugin, look nowhere else."""
    nouns = import_module(plugin.replace("/", ".")).NOUNS
    word = re.compile("|".join(nouns), re.IGNORECASE)
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts().items()
        if not path.startswith(f"{plugin}/") and (word.search(path) or word.search(text))
        for number, line in enumerate(text.splitlines(), 1)
        if word.search(path) or word.search(line)
    ]
    assert not found, "\n".join(found)
