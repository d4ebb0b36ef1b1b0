"""Fields as Gradio components, and their description for the page's script.

A control is one field on the page. `show` converts the field's value to what its components show,
and the page's script converts that to browser JSON (`ui.documents.browser_values`). The page
describes the limits in words, and `comfy`'s form checks all of them at once, so the components
reject nothing themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

from comfy.form.model import Field
from ui.page.form.kinds.registry import VIEWS
from ui.page.form.kinds.view import Browser, Control, id_part

_SECTION = "section-"


def build_control(field: Field, value: object, scope: str = "") -> Control:
    """Draw a field that shows `value`, inside the open layout.

    Redrawn with the same `scope`, the name of its workflow, it keeps what the user entered.
    """
    return VIEWS[field.widget].build(field, value, scope)


def section_id(section: str | None) -> str:
    """Return the element ID of an author's section, or of the unnamed one. The page uses it to
    remember which sections are open."""
    return _SECTION + id_part(section or "")


def held_fields(controls: Iterable[Control]) -> list[tuple[str, Browser, int]]:
    """Return the description by which the page's script reads the components' values: for each
    field its key, the row of `form/values.js`, and the number of its components."""
    return [
        (control.field.key, VIEWS[control.field.widget].browser, len(control.components))
        for control in controls
    ]
