"""Check a page with axe-core for barriers to users with a screen reader, low vision or no mouse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[3] / "script" / "node_modules" / "axe-core" / "axe.min.js"
REASON = "needs axe-core: npm install --prefix tests/script --no-package-lock"
# Contrast, which takes three quarters of the time, is judged in a part of the page where one is named;
# the rest as well, where nothing but this part is to be judged. A role that an element must not have
# counts, although axe calls it minor.
FIND = """async ([part, alone]) => {
    const options = { resultTypes: ["violations"], iframes: false };
    const rules = {
        "color-contrast": { enabled: !part || alone },
        "label-content-name-mismatch": { enabled: true },
    };
    const { violations } = await axe.run(alone ? part : document, { ...options, rules });
    if (part && !alone) violations.push(
        ...(await axe.run(part, { ...options, runOnly: ["color-contrast"] })).violations);
    return violations
        .filter(({ id, impact }) =>
            ["serious", "critical"].includes(impact) || id === "aria-allowed-role")
        .flatMap(({ id, nodes }) => nodes.map(({ target, any }) =>
            `${id}: ${target.join(" ")} ${any[0]?.data?.contrastRatio ?? ""}`));
}"""


def needs_axe() -> None:
    """Skip the test if axe-core is not installed."""
    if not is_installed():
        pytest.skip(REASON)


def is_installed() -> bool:
    if not AXE.exists() and os.environ.get("CI") == "true":
        pytest.fail(REASON)
    return AXE.exists()


def violations(page: Page, part: str = "", *, alone: bool = False) -> list[str]:
    """Return the page's serious and critical violations, by rule and element. Contrast is checked
    only in `part` if given. With `alone`, the other rules are checked only there, too."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(FIND, [part, alone])
    return found
