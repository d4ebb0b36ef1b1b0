"""Visible controls of a page.

A control is anything that a user can act on: a link, a button, a field, each choice of a group, a
summary that unfolds, a player. It counts also while it is disabled or below the window, but not
beside it, where a list scrolls sideways. One inside another counts once with it. A slider and its
number are two.
"""

from __future__ import annotations

from playwright.sync_api import Page

_CONTROLS = """() => {
    const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary,"
        + " audio[controls], video[controls], [role=slider], [contenteditable=true]";
    const isShown = (one) => {
        const { left, width, height } = one.getBoundingClientRect();
        const options = { visibilityProperty: true, opacityProperty: true };
        return width > 1 && height > 1 && left < innerWidth && one.checkVisibility(options);
    };
    const nameOf = (one) =>
        one.ariaLabel || one.labels?.[0]?.textContent || one.textContent || one.title || one.localName;
    return [...document.querySelectorAll(kinds)]
        .filter((one) => isShown(one) && !one.parentElement.closest("a[href], button, summary"))
        .map((one) => nameOf(one).replace(/\\s+/g, " ").trim().slice(0, 60));
}"""


def visible_controls(page: Page) -> list[str]:
    """Return the names of the page's visible controls in their order."""
    names: list[str] = page.evaluate(_CONTROLS)
    return names
