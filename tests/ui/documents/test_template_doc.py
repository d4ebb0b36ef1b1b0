"""Documents of templates."""

from __future__ import annotations

import pytest

from comfy.requirements.readiness import Readiness
from ui.documents.workflow_doc import readiness_doc


@pytest.mark.parametrize(
    ("is_paid", "has_key", "needs"),
    [(False, False, "nothing"), (True, True, "nothing"), (True, False, "key")],
)
def test_a_paid_template_needs_a_key(is_paid: bool, has_key: bool, needs: str) -> None:
    """Without one it can't run, although the servers have everything."""
    found = readiness_doc(Readiness(is_paid=is_paid), has_key=has_key)
    assert (found.needs, found.can_run, found.is_paid) == (needs, needs == "nothing", is_paid)
