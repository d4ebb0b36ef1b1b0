"""Fields as Gradio components, and how the page's script reads them.

A control is one field on the page; `show` turns the field's value into what its components show,
and the page's script turns that into browser JSON (`ui.documents.browser_values`). Limits are said
in words and checked by `comfy`'s form, all at once, so the components refuse nothing by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

from comfy.form.model import Field
from ui.page.form.kinds.registry import VIEWS
from ui.page.form.kinds.view import Browser, Control, id_part

_SECTION = "section-"


def build_control(field: Field, value: object, scope: str = "") -> Control:
    """Draw a field that shows `value`, inside the layout that is open.

    Drawn again with the same `scope`, the name of its workflow, it keeps what the user entered.
    """
    return VIEWS[field.widget].build(field, value, scope)


def section_id(section: str | None) -> str:
    """Return the id of the element of an author's section, or of the one without a name. The page
    remembers by it which sections are open."""
    return _SECTION + id_part(section or "")


def held_fields(controls: Iterable[Control]) -> list[tuple[str, Browser, int]]:
    """Return what the page's script needs to read the components' values: for each field its key,
    the row of `form/values.js`, and the number of its components."""
    return [
        (control.field.key, VIEWS[control.field.widget].browser, len(control.components))
        for control in controls
    ]
