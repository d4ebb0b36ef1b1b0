"""Bodies of webhooks: the end of a run, a batch or a chain, or the pause of a batch, in the API's
format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from comfy.base.errors import BatchNotFound, RunNotFound
from comfy.records.webhooks import Subject, Webhook
from ui.api.chains import ChainDocs
from ui.api.chat_messages import chat_body
from ui.api.runs import Runs
from ui.documents.group_docs import BatchDoc, ChainDoc, batch_doc
from ui.documents.headlines import NO_RESULT
from ui.documents.run_doc import RunDoc
from ui.web.identity import Identity
from ui.web.responses import json_text

_TYPES: Mapping[Subject, str] = {
    "run": "run.ended",
    "batch": "batch.ended",
    "chain": "chain.ended",
    "pause": "batch.paused",
}


class EndMessages:
    """Implementation of `comfy.webhooks.dispatch.Ends`. Messages are in English, because there is
    no caller with a language."""

    def __init__(self, runs: Runs, identity: Identity) -> None:
        self._runs, self._identity = runs, identity
        self._batches, self._chains = runs.presenter.batches, runs.presenter.chains
        self._chain_docs = ChainDocs(self._chains, runs)

    def has_ended(self, hook: Webhook) -> bool:
        """See `Ends`. Removed users get no webhooks."""
        owner = hook.owner
        if self._identity.is_removed(owner):
            raise RunNotFound
        match hook.subject:
            case "run":
                return self._runs.record(hook.about, owner).state.phase.finished
            case "batch":
                return self._batches.get(hook.about, owner).finished
            case "chain":
                return self._chains.get(hook.about, owner).finished
            case "pause":
                batch = self._batches.get(hook.about, owner)
                if batch.finished:
                    raise BatchNotFound(NO_RESULT)  # a finished batch doesn't pause again
                return batch.gave_up

    def told(self, hook: Webhook) -> str:
        """See `Ends`."""
        ended, doc = datetime.fromtimestamp(hook.ended_at or 0.0, UTC), self._data(hook)
        return chat_body(hook.url, doc) or json_text(
            {
                "type": _TYPES[hook.subject],
                "timestamp": ended.isoformat(timespec="milliseconds"),
                "data": asdict(doc),
            }
        )

    def _data(self, hook: Webhook) -> RunDoc | BatchDoc | ChainDoc:
        match hook.subject:
            case "run":
                return self._runs.found(hook.about, hook.owner)
            case "batch" | "pause":
                return batch_doc(self._batches.get(hook.about, hook.owner), self._runs.json.root)
            case "chain":
                return self._chain_docs.whole(self._chains.get(hook.about, hook.owner))
