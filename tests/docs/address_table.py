"""Table of addresses in docs/api.md. `python -m tests.docs.address_table` updates it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from tests.support.serving import running_demo_app
from ui.web.access import DeclaredRoute
from ui.web.responses import API

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
_TABLE = re.compile(r"(?<=\|---\|---\|---\|\n).*?(?=<!-- End)", re.S)


def table(rules: Iterable[DeclaredRoute]) -> str:
    """Return the rows of the API's declared routes, sorted by path."""
    shown = (
        rule for rule in rules if rule.path.startswith(f"{API}/") and rule.methods != ("HEAD",)
    )
    return "".join(_row(rule) for rule in sorted(shown, key=lambda rule: (rule.path, rule.methods)))


def _row(rule: DeclaredRoute) -> str:
    method = "".join(rule.methods) or "WebSocket"
    path = rule.path.removeprefix(API).replace(":path}", "}")
    summary = (inspect.getdoc(rule.endpoint) or "").partition("\n")[0]
    return f"| `{method} {path}` | {rule.access.value} | {summary} |\n"


def renewed(page: str, rules: Iterable[DeclaredRoute]) -> str:
    """Return the page with the rows of these routes."""
    rows = table(rules)
    return _TABLE.sub(lambda _: rows, page)


if __name__ == "__main__":
    with running_demo_app(step_seconds=0) as (_, app):
        text = renewed(PAGE.read_text(encoding="utf-8"), app.asgi.state.rules)
    PAGE.write_text(text, encoding="utf-8")
