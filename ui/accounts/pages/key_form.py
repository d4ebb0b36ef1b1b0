"""The account page's form for a user's own comfy.org API key."""

from __future__ import annotations

from comfy.base.messages import message, sentences
from comfy.records.paid import KeySource
from ui.languages.current import html_of

_HEADING = message("comfy.org API key")
_ABOUT = sentences(
    message("It pays your runs of workflows with paid nodes."),
    message("It is stored encrypted, sent with these runs only, and never shown again."),
)
_STATES: dict[KeySource, str] = {
    "own": message("Your key is set."),
    "app": message("You have no key. The administrator's key pays."),
    "": message("You have no key."),
}
_KEY, _SAVE = message("API key"), message("Save the key")
_REMOVE = message("Remove the key")


def key_form(source: KeySource, why: str = "") -> str:
    """Return the form as HTML. `source`: which key pays the user's runs. `why`: the reason that a
    key wasn't stored."""
    remove = (
        f'<form method="post" action="account/key/remove"><button type="submit" class="quiet">'
        f"{html_of(_REMOVE)}</button></form>"
    )
    return f"""<section aria-labelledby="key-heading">
<h2 id="key-heading">{html_of(_HEADING)}</h2>
<p>{html_of(_ABOUT)}</p>
<p><strong>{html_of(_STATES[source])}</strong></p>
<form method="post" action="account/key">
<label for="key">{html_of(_KEY)}</label>
<input id="key" name="key" type="password" autocomplete="off" required minlength="8" maxlength="500"
 spellcheck="false" aria-describedby="key-why">
<p id="key-why" class="why" role="alert">{html_of(why)}</p>
<button type="submit" class="quiet">{html_of(_SAVE)}</button>
</form>
{remove if source == "own" else ""}
</section>"""
