"""An author's actions in the form editor."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, expect

from tests.support.visitor import Site, Visitor


class Author:
    """A user who edits a form on `site`."""

    def __init__(self, person: Visitor) -> None:
        self.person = person
        self.page = person.page
        self.editor = person.page.locator("#form-editor")

    def open(self) -> Author:
        """Open the editor and wait until the form is its preview."""
        self.person.for_form("Edit form")
        self.ready()
        return self

    def ready(self) -> None:
        """Wait until the editor is open and Generate is off."""
        expect(self.editor).to_be_visible()
        expect(self.page.locator("#why-off")).to_have_text("Close the form editor to generate.")

    def row(self, key: str) -> Locator:
        """Return the row of a field."""
        return self.editor.locator(f'.field-row[data-key="{key}"]')

    def unfold(self, key: str) -> Locator:
        """Open a field's settings."""
        self.row(key).locator(".name").click()
        return self.row(key).locator(".row-form")

    def keys(self) -> list[str]:
        """Return the fields of the first group in order."""
        rows = self.editor.locator(".group").first.locator(".field-row")
        return list(rows.evaluate_all("all => all.map((one) => one.dataset.key)"))

    def labels(self) -> Locator:
        """Return the labels of the form's fields."""
        return self.page.locator("#form [data-testid=block-info]")

    def says(self, text: str) -> None:
        """Wait until the editor shows a sentence."""
        expect(self.editor.locator(".said")).to_have_text(text)

    def publish(self) -> None:
        """Publish the form."""
        self.editor.get_by_role("button", name="Publish", exact=True).click()
        self.says("Published")

    def choose(self, item: str) -> None:
        """Choose an item of the ⋯ menu."""
        self.editor.get_by_role("button", name="More").click()
        self.page.get_by_role("menuitem", name=item).click()


def settings_of(site: Site, name: str) -> dict[str, Any]:
    """Return the settings beside a workflow of the folder."""
    path = Path(site.services.folder.path, f"{name}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
