"""Card in which administrators write the notice that all pages show."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from comfy.base.messages import message
from comfy.records.administration import Notice
from ui.administration.announcements import LONGEST_NOTICE
from ui.languages.current import current_language, html_of
from ui.operator.frame import PATH, action_form, section

Duration = Literal["always", "hour", "hours", "day", "week"]
_HOUR = 3600.0
DURATIONS = MappingProxyType(
    {
        "always": (message("Until I remove it"), None),
        "hour": (message("1 hour"), _HOUR),
        "hours": (message("4 hours"), 4 * _HOUR),
        "day": (message("1 day"), 24 * _HOUR),
        "week": (message("1 week"), 7 * 24 * _HOUR),
    }
)
_NOTICE = message("Notice to everyone")
_TEXT = message("Text on all open pages")
_SHOW_FOR = message("Show it for")
_SHOW, _REMOVE = message("Show notice"), message("Remove notice")
_FOREVER = message("Shown until you remove it.")


def notice_card(notice: Notice | None) -> str:
    """Return the card with the current notice, and the form for another."""
    options = "".join(
        f'<option value="{name}">{html_of(words)}</option>'
        for name, (words, _) in DURATIONS.items()
    )
    return section(
        _NOTICE,
        f"""{_current(notice) if notice else ""}<form method="post" action="{PATH[1:]}/notice"
 class="fields wide">
<p><label for="notice-text">{html_of(_TEXT)}</label>
<input id="notice-text" name="text" maxlength="{LONGEST_NOTICE}" autocomplete="off" required></p>
<p><label for="notice-duration">{html_of(_SHOW_FOR)}</label>
<select id="notice-duration" name="duration">{options}</select></p>
<button type="submit">{html_of(_SHOW)}</button>
</form>""",
    )


def _current(notice: Notice) -> str:
    end = (
        _FOREVER
        if notice.until is None
        else message("Shown until {time}.", time=current_language().moment(notice.until))
    )
    button = action_form(f"{PATH[1:]}/notice/remove", _REMOVE)
    return f"""<ul class="lines rows"><li><div><b>{html_of(notice.text)}</b><br>{html_of(end)}</div>
<div class="buttons">{button}</div></li></ul>"""
