"""Checks of docs/audits.md: its command works."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
import tempfile

import pytest

from tests.docs.test_security_page import PAGE

FUZZ = next(block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) if "tools.fuzz" in block)


def test_the_command_for_attacks_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command sends the given number of requests, reports the outcome and exits with 0."""
    python, dash_m, module, *arguments = shlex.split(FUZZ.replace("10000", "30"))
    assert (python, dash_m) == (".venv/bin/python", "-m")
    monkeypatch.setattr(sys, "argv", [module, *arguments, "--seed", "1"])
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)  # it sets one of its own
    with pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__")
    said = capsys.readouterr().out
    assert "30 requests" in said
    assert end.value.code == 0, said
