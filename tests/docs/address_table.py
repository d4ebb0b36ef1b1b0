"""Tables of addresses in the API's pages and in plugins' pages. `python -m tests.docs.address_table`
updates them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from tests.support.serving import running_demo_app
from ui.web.access import DeclaredRoute
from ui.web.responses import API

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "api_endpoints.md"
FOR_ADMINISTRATORS = ROOT / "docs" / "api_admin.md"
_TABLE = re.compile(r"(?<=\|---\|---\|---\|\n)(?=(?:\| `|<!-- End)).*?(?=<!-- End)", re.S)


def pages(rules: Iterable[DeclaredRoute]) -> dict[Path, list[DeclaredRoute]]:
    """Return the API's routes by page: one of the API's two pages, or their plugin's."""
    found: dict[Path, list[DeclaredRoute]] = {PAGE: []}
    for rule in rules:
        plugin = re.match(r"comfyforms\.plugins\.(\w+)", rule.endpoint.__module__)
        own = ROOT / "comfyforms" / "plugins" / plugin[1] / "docs.md" if plugin else PAGE
        general = FOR_ADMINISTRATORS if rule.path.startswith(f"{API}/admin/") else PAGE
        found.setdefault(own if plugin and own.exists() else general, []).append(rule)
    return found


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
        for page, rules in pages(app.asgi.state.rules).items():
            page.write_text(renewed(page.read_text(encoding="utf-8"), rules), encoding="utf-8")
