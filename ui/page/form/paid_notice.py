"""Notice above a form whose runs use paid credits."""

from __future__ import annotations

from collections.abc import Iterable

import gradio as gr

from comfy.base.errors import NoApiKey
from comfy.base.messages import message, sentences
from comfy.form.model import Form
from comfy.launch.payment import Payment, paid_work_of
from comfy.records.paid import KeySource
from ui.languages.current import html_of

_PAID = message("Uses paid credits")
_ACCOUNT = message("Your account")
_OWN = message("Your comfy.org API key pays.")
_APP = message("The administrator's comfy.org API key pays.")


def draw_paid_notice(
    forms: Iterable[Form], owner: str, payment: Payment, *, has_account: bool
) -> None:
    """Draw the notice if any of these forms uses paid credits: the prices of the author's values,
    and which key pays, or who can add one."""
    works = [paid_work_of(form) for form in forms]
    prices = list(dict.fromkeys(price for work in works for price in work.prices))
    if not prices:
        return
    source = payment.key_source(owner)
    items = "".join(f"<li>{html_of(price)}</li>" for price in prices)
    account = f'<p><a href="account">{html_of(_ACCOUNT)}</a></p>'
    gr.HTML(
        f'<div role="note"><strong>{html_of(_PAID)}</strong><ul>{items}</ul>'
        f"<p>{html_of(_payer(source, has_account=has_account))}</p>"
        f"{account if has_account and not source else ''}</div>",
        elem_classes=["notice", "paid"] if source else "notice",
        elem_id="paid",
    )


def _payer(source: KeySource, *, has_account: bool) -> str:
    match source:
        case "own":
            return _OWN
        case "app":
            return _APP
    missing = NoApiKey(has_account=has_account)
    return sentences(str(missing), missing.hint)
