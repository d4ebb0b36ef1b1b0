"""Form in which users change their own password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from ui.accounts.login import Login, SignedIn
from ui.accounts.users import SHORTEST
from ui.languages.current import html_of

CHANGED = message("Your password was changed. All other sessions and your tokens have ended.")
_HEADING = message("Password")
_CURRENT = message("Current password")
_NEW = message("New password")
_AGAIN = message("New password again")
_CHANGE = message("Change password")
_ENDS = message("This signs you out on all other devices and ends your access tokens.")
_DIFFERENT = message("The new passwords don't match.")
_ELSEWHERE = message("Your password can't be changed here. Ask the administrator.")


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The new password, typed twice."""

    new: str
    again: str

    def checked(self, login: Login, who: SignedIn) -> Callable[[], None]:
        """Return the function that stores the new password. Raises ComfyError if the fields don't
        fit together, or if the user's password isn't in the users file."""
        file = login.ways.file
        if file is None or not _may_change(login, who):
            raise ComfyError(_ELSEWHERE)
        if self.new != self.again:
            raise ComfyError(_DIFFERENT)
        return partial(file.set_password, who.name, self.new)


def password_form(login: Login, who: SignedIn, why: str = "") -> str:
    """Return the form as HTML; empty for users without a password. `why`: the reason that the
    password wasn't changed."""
    if who.way != "password":
        return ""
    heading = f'<h2 id="password-heading">{html_of(_HEADING)}</h2>'
    if not _may_change(login, who):
        return f'<section aria-labelledby="password-heading">{heading}' + (
            f"<p>{html_of(_ELSEWHERE)}</p></section>"
        )
    fields = "".join(
        f'<label for="{name}">{html_of(label)}</label>'
        f'<input id="{name}" name="{name}" type="password" autocomplete="{kind}" required'
        f' minlength="{1 if name == "current" else SHORTEST}" aria-describedby="password-why">'
        for name, label, kind in (
            ("current", _CURRENT, "current-password"),
            ("new", _NEW, "new-password"),
            ("again", _AGAIN, "new-password"),
        )
    )
    return f"""<section aria-labelledby="password-heading">{heading}
<form method="post" action="account/password">
{fields}
<p id="password-why" class="why" role="alert">{html_of(why)}</p>
<p>{html_of(_ENDS)}</p>
<button type="submit" class="quiet">{html_of(_CHANGE)}</button>
</form></section>"""


def _may_change(login: Login, who: SignedIn) -> bool:
    return login.ways.file is not None and who.name in login.ways.file.users
