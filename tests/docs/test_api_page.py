"""Checks of the pages about REST: their addresses and kinds of problems exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.address_table import pages, renewed, table
from tests.support.serving import running_demo_app
from ui.api import problems

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api_errors.md").read_text(encoding="utf-8")


def test_the_pages_have_the_table_of_the_routes() -> None:
    """The tables of docs/api_endpoints.md and of plugins' pages are generated from the declared routes, and
    each row has a summary."""
    with running_demo_app(step_seconds=0) as (_, app):
        rules = app.asgi.state.rules
    for page, of_page in pages(rules).items():
        text = page.read_text(encoding="utf-8")
        assert renewed(text, of_page) == text, "Run .venv/bin/python -m tests.docs.address_table"
    assert all(row.endswith(". |") for row in table(rules).splitlines())


@pytest.mark.parametrize("kind", [kind for _, kind in problems._KINDS], ids=lambda kind: kind.name)
def test_the_page_has_every_kind_of_problem(kind: problems.ProblemKind) -> None:
    """The page gives the status of each kind of problem."""
    (row,) = [
        line for line in PAGE.splitlines() if line.startswith("|") and f"`{kind.name}`" in line
    ]
    assert str(kind.status) in row
