"""A token's row in a list, with its *Revoke* button."""

from __future__ import annotations

import html

from comfy.base.messages import message, sentences
from ui.accounts.store import AccessToken
from ui.languages.current import current_language, html_of

_FOR_GOOD = message("Scripts that send this token will be refused. It can't be brought back.")
_REVOKE = message("Revoke")
_CANCEL = message("Cancel")


def token_row(token: AccessToken, action: str, owner: str = "") -> str:
    """Return a token's row as a form, with the question that its button opens. The question works
    without a script. `action`: where *Revoke* is sent. `owner`: the token's owner, only for
    administrators."""
    name, asks = html.escape(token.label), f"revoke-{token.id}"
    whose = f"{html.escape(owner)}<br>" if owner else ""
    label = html_of(message("Revoke {name}", name=token.label))
    question = html_of(message("Revoke “{name}”?", name=token.label))
    return f"""<form class="token" method="post" action="{html.escape(action)}">
<p><b>{name}</b><br>{whose}{html_of(_dates(token))}</p>
<button type="button" class="quiet" popovertarget="{asks}"
 aria-label="{label}">{html_of(_REVOKE)}</button>
<div class="question" id="{asks}" popover role="dialog" aria-labelledby="{asks}-title">
<h2 id="{asks}-title">{question}</h2>
<p>{html_of(_FOR_GOOD)}</p>
<p class="last">
<button type="button" class="quiet" popovertarget="{asks}" popovertargetaction="hide"
 autofocus>{html_of(_CANCEL)}</button>
<button type="submit">{html_of(_REVOKE)}</button></p>
</div>
</form>"""


def _dates(token: AccessToken) -> str:
    date = current_language().date
    used = (
        message("Last used on {date}.", date=date(token.used))
        if token.used
        else message("Never used.")
    )
    return sentences(message("Created on {date}.", date=date(token.made)), used)
