"""Errors of `python -m comfy chain` before it starts."""

from __future__ import annotations

import pytest

from comfy.__main__ import main
from tests.cli.chain_folder import Folder


def test_a_name_too_long_for_a_file_is_left_to_the_server(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server has no file of that name either, so the step fails there."""
    chain = '[[steps]]\nname = "one"\nworkflow = "scale"\n'
    assert main(folder.words(chain, "--set", f"one.image={'x' * 300}.png")) == 1
    assert "Step “one”: " in capsys.readouterr().err
