"""Check the page in one state after another, at several sizes, in the light and dark themes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, ViewportSize

from tests.browser.nightly.walk import axe
from tests.support.visitor import Visitor

SCRIPT = Path(__file__).parents[3] / "script"
SIZES = {
    "desktop": ViewportSize(width=1440, height=900),
    "laptop": ViewportSize(width=1366, height=650),
    "tablet": ViewportSize(width=820, height=1180),
    "phone": ViewportSize(width=390, height=844),
}
LIGHT = [(size, "light") for size in SIZES]
DARK = ("phone", "dark")
# Elements that must keep their place when the result replaces the preview.
STAYING = ["#stage .box", "#stage .under", "#stage .media > *"]
# Return the positions of the elements below the stage, relative to it; 0 for those not visible.
BELOW_STAGE = """() => ["#stage .actions", "#stage .details", "#history"].map((one) => {
    const [place, from] = [one, "#stage .box"].map((at) => document.querySelector(at));
    return !place.checkVisibility({ visibilityProperty: true }) ? 0 : Math.round(place.getBoundingClientRect().top - from.getBoundingClientRect().top);
})"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Finish the transitions of colors and sizes, which can't be judged halfway. Endless animations
# can't be finished.
# The end of a transition of an inherited color starts one in the elements below.
SETTLE = """() => {
    for (let depth = 0; depth < 9; depth++)
        for (const one of document.getAnimations())
            if (one.effect.getComputedTiming().endTime !== Infinity) one.finish();
}"""
OTHER_SHADE = "() => document.querySelector('#shade button').click()"


def at_every_size(
    page: Page, sizes: Iterable[ViewportSize] = tuple(SIZES.values())
) -> Iterator[ViewportSize]:
    """Set the window to each size in turn."""
    for size in sizes:
        set_size(page, size)
        yield size


def set_size(page: Page, size: ViewportSize) -> None:
    """Set the window to this size, and wait until the layout has settled."""
    page.set_viewport_size(size)
    page.evaluate(DRAWN)
    page.evaluate(SETTLE)


def below_stage(page: Page) -> list[list[int]]:
    """Return the positions below the stage at every size; then go back to the first size."""
    below = [page.evaluate(BELOW_STAGE) for _ in at_every_size(page)]
    set_size(page, SIZES["desktop"])
    return below


class Walker:
    """Visitor that checks each state at every size and shade, and collects the problems."""

    def __init__(self, person: Visitor) -> None:
        self.person = person
        self.page = person.page
        self._shade = "light"
        self._found: dict[str, list[str]] = {}
        self.person.before_load(SCRIPT / "geometry.js")

    def note(self, what: str, where: str) -> None:
        self._found.setdefault(what, []).append(where)

    def all_well(self) -> None:
        """Raise an AssertionError with all problems and their places."""
        lines = [f"{what} ({'; '.join(where)})" for what, where in self._found.items()]
        assert not lines, "\n".join(lines)

    def look(
        self, state: str, size: str = "desktop", *, full_screen: bool = False
    ) -> dict[str, Any]:
        """Find layout problems at every size, and in the dark theme on a phone. With `full_screen`,
        also check that full screen covers the window. Return the elements' positions at each size.
        """
        places = {}
        self.page.mouse.move(0, 0)  # a star stands over its tile where the pointer is
        self.page.keyboard.press("Shift")  # as for a keyboard user, who sees where the focus is
        for name, shade in (*LIGHT, DARK):
            self._see(name, shade)
            places[name] = self.page.evaluate("geometry.places", STAYING)
            for one in self.page.evaluate("geometry.wrong", {"focus": True}):
                self.note(one, f"{state}, {name}, {shade}")
            if full_screen:
                self._cover(f"{state}, {name}")
        self._see("phone", "light")
        return places

    def _see(self, size: str, shade: str) -> None:
        """Give the page this size and shade."""
        if shade != self._shade:
            self.page.evaluate(OTHER_SHADE)
            self._shade = shade
        set_size(self.page, SIZES[size])

    def read(self, state: str, added: str = "") -> None:
        """Find accessibility problems, in the light theme on a desktop and in the dark theme on a
        phone. Find nothing if axe-core is not installed. `added` selects the parts of this state
        that earlier calls haven't checked. Contrast is then checked only there and, on the phone,
        all other rules, too."""
        if not axe.is_installed():
            return
        for size, shade in (LIGHT[0], DARK):
            self._see(size, shade)
            alone = bool(added) and size == "phone"
            for one in axe.violations(self.page, added, alone=alone):
                self.note(one, f"{state}, {size}, {shade}")
        self._see("desktop", "light")

    def _cover(self, where: str) -> None:
        several = self.page.locator("#stage .grid .thumbnail")
        is_grid = several.first.is_visible()
        if is_grid:
            several.first.evaluate("thumbnail => thumbnail.click()")
        button = self.page.locator("#stage").get_by_role("button", name="Full screen")
        button.evaluate("button => button.click()")
        if not self.page.evaluate("geometry.covers()"):
            self.note("full screen does not cover the window", where)
        self.page.keyboard.press("Escape")
        if is_grid and not several.first.is_visible():
            self.page.keyboard.press("Escape")
