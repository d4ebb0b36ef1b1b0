"""Translators get every sentence in the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from babel.messages.pofile import read_po

from tests.support.languages.catalogs import ROOT, extracted

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\.venv/bin/(pybabel .*)$", GUIDE, re.MULTILINE)


def test_the_commands_for_translators_work_as_they_are(tmp_path: Path) -> None:
    """CONTRIBUTING.md explains how sentences get into the catalogs, and how to add a language. The
    commands don't change an up-to-date catalog."""
    languages = tmp_path / "languages"
    shutil.copytree(ROOT / "ui" / "languages", languages)
    assert [one.split()[1] for one in COMMANDS] == ["extract", "update", "init"]
    seen = []
    for command in [*COMMANDS[:2], *COMMANDS]:
        parts = [
            part.replace("messages.pot", f"{tmp_path}/messages.pot").replace(
                "ui/languages", str(languages)
            )
            for part in command.split()
        ]
        tool = ROOT / ".venv" / "bin" / parts[0]
        subprocess.run([tool, *parts[1:]], cwd=ROOT, check=True, capture_output=True)
        seen.append((languages / "de" / "LC_MESSAGES" / "messages.po").read_text(encoding="utf-8"))
    assert "Plural-Forms" in seen[1]
    assert len(set(seen[1:])) == 1  # an up-to-date catalog doesn't change
    with (tmp_path / "messages.pot").open("rb") as file:
        found = {one.id for one in read_po(file) if one.id}
    assert found == {one.id for one in extracted() if one.id}
    made = languages / "pt" / "LC_MESSAGES" / "messages.po"
    with made.open("rb") as file:
        assert {one.id for one in read_po(file) if one.id} == found
