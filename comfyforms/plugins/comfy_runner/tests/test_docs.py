"""The page's links lead somewhere."""

from __future__ import annotations

import re

from tests.imports import ROOT

PAGE = (ROOT / "comfyforms/plugins/comfy_runner/docs.md").read_text(encoding="utf-8")


def test_every_link_leads_to_a_heading() -> None:
    """The links into the API page lead to existing headings."""
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.M)
    there = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
    assert set(re.findall(r"api\.md#([^)]+)\)", PAGE)) <= there
