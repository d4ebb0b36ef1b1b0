"""The log as text and as JSON."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from ui.settings.logs import log_formatter


def test_text_has_the_time_unless_the_journal_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable `JOURNAL_STREAM` tells a program that its lines go to the journal."""
    record = logging.LogRecord("a", logging.INFO, "", 0, "said %s", ("here",), None)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert log_formatter().format(record).endswith(" INFO said here")
    monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    assert log_formatter().format(record) == "INFO said here"


def test_no_value_forges_a_line() -> None:
    """Control characters are escaped, also in the text of an error. Its traceback is indented."""
    name = "x\n2026-11-28 boss removed anna.\x1b[2J\x00\x85\u202e\u2028é"
    try:
        {}[name]
    except KeyError:
        record = logging.LogRecord("a", logging.INFO, "", 0, "%s", (name,), sys.exc_info())
    first, *traceback = log_formatter().format(record).splitlines()
    assert first.endswith(r"x\n2026-11-28 boss removed anna.\x1b[2J\x00\x85\u202e\u2028é")
    assert traceback[0].startswith("Traceback")
    assert all(line.startswith("  ") for line in traceback[1:])
    json_line = log_formatter("json").format(record)
    assert json_line.isascii()
    assert json_line.isprintable()


def test_a_failure_is_one_json_line() -> None:
    """The line contains the traceback."""
    try:
        int("a\nb")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "", 0, "Oops", (), sys.exc_info())
    line = log_formatter("json").format(record)
    assert "\n" not in line
    assert "ValueError: " in json.loads(line)["exception"]
