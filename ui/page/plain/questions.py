"""Parts of small pages: buttons that send a form or first open a question, boxes to check, and new
secrets."""

from __future__ import annotations

import html

from comfy.base.messages import message
from ui.languages.current import html_of
from ui.page.plain.layout import module_tag

_CANCEL, _MORE = message("Cancel"), message("More…")
_COPY, _COPIED = message("Copy"), message("Copied")


def action_form(action: str, text: str, *, label: str = "", name: str = "", about: str = "") -> str:
    """Return a button that sends a form. `label`: its name for screen readers; `name`: its id,
    which keeps the focus when the page is renewed; `about`: its tooltip."""
    spoken = f' aria-label="{html_of(label)}"' if label else ""
    spoken += f' title="{html_of(about)}"' if about else ""
    known = f' id="{html.escape(name)}"' if name else ""
    return f"""<form method="post" action="{html.escape(action)}">
<button type="submit" class="quiet"{known}{spoken}>{html_of(text)}</button></form>"""


def asking_form(
    action: str,
    texts: tuple[str, str, str],
    name: str,
    content: str,
    label: str = "",
    *,
    warns: bool = True,
) -> str:
    """Return a button that opens a question, which works without a script. `texts`: of the button,
    the question and the button that submits; `content`: HTML between the question and the
    buttons; `label`: see `action_form`; `warns`: it takes something away."""
    opener, question, submit = map(html_of, texts)
    name = html.escape(name)
    spoken = f' aria-label="{html_of(label)}"' if label else ""
    kind = ' class="warns"' if warns else ""
    return f"""<form method="post" action="{html.escape(action)}">
<button type="button" class="quiet" popovertarget="{name}"
 id="{name}-opener"{spoken}>{opener}</button>
<dialog class="question" id="{name}" popover aria-labelledby="{name}-title">
<h2 id="{name}-title">{question}</h2>
{content}
<p class="last wraps">
<button type="button" class="quiet" popovertarget="{name}" popovertargetaction="hide"
 autofocus>{html_of(_CANCEL)}</button>
<button type="submit"{kind}>{submit}</button></p>
</dialog></form>"""


def more_buttons(name: str, title: str, buttons: str) -> str:
    """Return a button that opens a menu of further buttons. `title`: of what they change."""
    label = message("{action}: {name}", action=_MORE, name=title)
    name = html.escape(name)
    return f"""<button type="button" class="quiet" popovertarget="{name}"
 id="{name}-opener" aria-label="{html_of(label)}">{html_of(_MORE)}</button>
<div class="account-menu more" id="{name}" popover>{buttons}</div>"""


def check_box(
    name: str, value: str, label: str, key: str, *, checked: bool = False, fixed: bool = False
) -> str:
    """Return a box of a form. `label`: HTML; `key`: the box's id; `fixed`: it can't be changed."""
    return f"""<p class="check in-line"><input type="checkbox" id="{key}" name="{name}"
 value="{html.escape(value)}"{" checked" if checked else ""}{" disabled" if fixed else ""}>
<label for="{key}">{label}</label></p>"""


def new_secret(words: str, secret: str, before: str = "", copy: str = _COPY, kind: str = "") -> str:
    """Return a new secret with a button that copies it. `words`: HTML above; `before`: HTML in the
    secret's line; `copy`: the button's text; `kind`: a further class."""
    return f"""<div class="{kind} new" role="status">
<p>{words}</p>
<p><code>{before}<b id="token">{html.escape(secret)}</b></code></p>
<button type="button" autofocus data-copied="{html_of(_COPIED)}">{html_of(copy)}</button>
</div>
{module_tag("copying.js")}"""
