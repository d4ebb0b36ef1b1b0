"""axe-core in a page: what keeps people with a screen reader, little sight or no mouse away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "script" / "node_modules" / "axe-core" / "axe.min.js"
HOW_TO_INSTALL = "npm install --prefix tests/script --no-package-lock"
FIND = """async () => {
    const { violations } = await axe.run({ resultTypes: ["violations"], iframes: false });
    return violations
        .filter(({ impact }) => ["serious", "critical"].includes(impact))
        .flatMap(({ id, nodes }) => nodes.map(({ target, any }) =>
            `${id}: ${target.join(" ")} ${any[0]?.data?.contrastRatio ?? ""}`));
}"""


def needs_axe() -> None:
    """Skip the test where axe-core is not installed; CI has it."""
    if AXE.exists():
        return
    reason = f"needs axe-core: {HOW_TO_INSTALL}"
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


def add_to(page: Page) -> None:
    """Have axe-core in every page that is opened from now on."""
    page.add_init_script(path=AXE)


def violations(page: Page) -> list[str]:
    """What is serious or critical on the page as it is, by rule and element."""
    found: list[str] = page.evaluate(FIND)
    return found
