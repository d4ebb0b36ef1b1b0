"""Errors of the cluster that users read are messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.base.test_messages import bare_texts

FOLDER = Path(__file__).parents[1]
OF_A_SHELL = FOLDER / "setup.py"  # its texts are shown by `cluster check` only
SOURCES = {
    str(file.relative_to(FOLDER)): file
    for file in (*FOLDER.glob("*.py"), *FOLDER.glob("messaging/*.py"))
    if file != OF_A_SHELL
}
# Texts per file that only administrators read. They stay in English.
IN_ENGLISH = {
    "check.py": 5,
    "command.py": 1,
    "importing.py": 10,
    "engine.py": 4,
    "messaging/wire_address.py": 2,
}


@pytest.mark.parametrize("name", SOURCES)
def test_errors_for_users_are_messages(name: str) -> None:
    found = list(bare_texts(SOURCES[name]))
    assert len(found) == IN_ENGLISH.get(name, 0), found
