"""A token's row in a list, with its *Revoke* button."""

from __future__ import annotations

import html
from datetime import UTC, datetime

from babel.dates import format_date

from ui.accounts.store import AccessToken

_FOR_GOOD = "Scripts that send this token will be refused. It can't be brought back."


def token_row(token: AccessToken, action: str, owner: str = "") -> str:
    """Return a token's row as a form, with the question that its button opens. The question works
    without a script. `action`: where *Revoke* is sent. `owner`: the token's owner, only for
    administrators."""
    name, asks = html.escape(token.label), f"revoke-{token.id}"
    whose = f"{html.escape(owner)}<br>" if owner else ""
    return f"""<form class="token" method="post" action="{html.escape(action)}">
<p><b>{name}</b><br>{whose}{_dates(token)}</p>
<button type="button" class="quiet" popovertarget="{asks}"
 aria-label="Revoke {name}">Revoke</button>
<div class="question" id="{asks}" popover role="dialog" aria-labelledby="{asks}-title">
<h2 id="{asks}-title">Revoke “{name}”?</h2>
<p>{_FOR_GOOD}</p>
<p class="last">
<button type="button" class="quiet" popovertarget="{asks}" popovertargetaction="hide"
 autofocus>Cancel</button>
<button type="submit">Revoke</button></p>
</div>
</form>"""


def _dates(token: AccessToken) -> str:
    used = f"Last used on {_date(token.used)}." if token.used else "Never used."
    return f"Created on {_date(token.made)}. {used}"


def _date(seconds: float) -> str:
    return format_date(datetime.fromtimestamp(seconds, UTC).date(), locale="en")
