"""Plugins own everything that they bring: their words occur nowhere outside their folders."""

from __future__ import annotations

import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from tests.imports import ROOT

# Texts about all of the app, for users; one list of all packages; and names that users import.
EVERYWHERE = (
    *("CHANGELOG.md", "README.md", "tests/data/", "pyproject.toml", "docs/constraints"),
    "comfyforms/__init__.py",
)
TEXTS = {
    *(".css", ".html", ".js", ".json", ".md", ".po", ".py", ".sh", ".toml", ".ts", ".txt", ".yml"),
}


# The folders with words of their own. A plugin without any has parts elsewhere.
OWNERS = [
    file.parent.relative_to(ROOT).as_posix()
    for file in sorted((ROOT / "comfyforms").glob("**/__init__.py"))
    if "\nNOUNS = " in file.read_text(encoding="utf-8")
]


def texts() -> dict[str, str]:
    """Return the checkout's texts by path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (one for one in listed.stdout.splitlines() if Path(one).suffix in TEXTS)
    return {
        path: (ROOT / path).read_text(encoding="utf-8")
        for path in paths
        if not path.startswith(EVERYWHERE) and (ROOT / path).is_file()
    }


def test_a_plugin_owns_all_it_brings() -> None:
    assert OWNERS


@pytest.mark.parametrize("plugin", OWNERS)
def test_a_plugins_words_occur_only_in_its_folder(plugin: str) -> None:
    """To change or remove a plugin, look nowhere else."""
    nouns = import_module(plugin.replace("/", ".")).NOUNS
    word = re.compile("|".join(nouns), re.IGNORECASE)
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts().items()
        if not path.startswith(f"{plugin}/")
        for number, line in enumerate(text.splitlines(), 1)
        if word.search(path) or word.search(line)
    ]
    assert not found, "\n".join(found)
