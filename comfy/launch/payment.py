"""Checks before a run that uses paid credits: its key, its user's confirmation, and the limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from comfy.base.errors import NO_KEY, ComfyError, NoApiKey, PaymentNotConfirmed
from comfy.base.messages import message
from comfy.form.model import Form
from comfy.paid import PaidNode, paid_nodes
from comfy.records.api_keys import ApiKeys, KeySource
from comfy.records.paid import payer
from comfy.records.store import RunStore
from comfy.runs.attempt import ApiKey, no_key
from comfy.runs.interface import Origin
from comfy.runs.limits import RunLimits


@dataclass(frozen=True, slots=True)
class PaidWork:
    """Runs of a workflow, and the nodes in them that use paid credits, if any. `count`: the number
    of runs. `titles`: names of nodes for users."""

    workflow: str
    nodes: Sequence[PaidNode]
    titles: Mapping[str, str]
    count: int = 1

    @property
    def prices(self) -> list[str]:
        """Return the names of the paid nodes with their prices, equal ones with their number."""
        titles = (self.titles.get(one.node) or one.class_type for one in self.nodes)
        texts = Counter(map(_with_price, titles, (one.price for one in self.nodes)))
        return [f"{count} × {text}" if count > 1 else text for text, count in texts.items()]


@dataclass(frozen=True, slots=True)
class Payment:
    """Rules for paid runs. `api_key`: see `RunContext`. `history`: has the confirmations and the
    counts of paid runs; without one, runs need neither. `unknown`: the owner shared by users
    without identity, whose confirmations aren't remembered. `keys`: users' own keys; None if they
    can't have any."""

    api_key: ApiKey = no_key
    history: RunStore | None = None
    limits: RunLimits = field(default_factory=RunLimits)
    unknown: str = ""
    keys: ApiKeys | None = None

    def has_key(self, owner: str) -> bool:
        """Return whether there is an API key for this owner's runs."""
        return self.api_key(owner) is not None

    def key_source(self, owner: str) -> KeySource:
        """Return which key pays this owner's runs."""
        if self.keys is not None:
            return self.keys.source(owner)
        return "app" if self.has_key(owner) else ""

    def is_confirmed(self, owner: str, workflow: str) -> bool:
        """Return whether this owner has confirmed that runs of a workflow cost credits."""
        if self.history is None:
            return True
        return owner != self.unknown and self.history.state.paid_consents.has(owner, workflow)

    def check(self, works: Iterable[PaidWork], origin: Origin) -> None:
        """Raise NoApiKey, PaymentNotConfirmed or TooManyPaidRuns if these runs can't be paid. If
        the origin confirms the payment, remember that."""
        paid = [work for work in works if work.nodes]
        if not paid:
            return
        needs_key = any(node.takes_key for work in paid for node in work.nodes)
        if needs_key and not self.has_key(origin.owner):
            if self.history is None:
                raise ComfyError(NO_KEY, "Set the environment variable COMFYFORMS_COMFY_ORG_KEY.")
            raise NoApiKey(has_account=not origin.address)
        if self.history is None:
            return
        person = payer(origin.owner, origin.address)
        self.limits.of(origin.owner).check_paid(
            self.history.state.paid_runs.recent(person), sum(one.count for one in paid)
        )
        for work in paid:
            if self.is_confirmed(origin.owner, work.workflow):
                continue
            if not origin.confirms_payment:
                raise _not_confirmed(paid)
            if origin.owner != self.unknown:
                self.history.state.paid_consents.add(origin.owner, work.workflow)


def paid_work_of(form: Form) -> PaidWork:
    """Return the paid nodes of a form, with its author's values."""
    definitions = {name: spec.raw for name, spec in form.nodes.items()}
    return PaidWork("", paid_nodes(form.prompt, definitions), form.titles)


def _with_price(title: str, price: str) -> str:
    return f"{title} ({price})" if price else title


def _not_confirmed(works: Sequence[PaidWork]) -> PaymentNotConfirmed:
    return PaymentNotConfirmed(
        message(
            "This uses paid credits: {nodes}.",
            nodes=", ".join(one for work in works for one in work.prices),
        ),
        message("Start it on its page and confirm, or send “confirm_paid”: true."),
    )
