"""Webhooks in the formats of Discord and Slack."""

from __future__ import annotations

import json

import pytest

from ui.api.chat_messages import chat_body
from ui.documents.run_doc import RunDoc, RunProblem

DISCORD = "https://discord.com/api/webhooks/1/token"
SLACK = "https://hooks.slack.com/services/T/B/X"
DONE = RunDoc("a", "boats", "Boats <@1> *&*", "done", headline="Done", texts=("one",))
FAILED = RunDoc("a", "boats", "Boats", "failed", error=RunProblem("No memory.", "Try again."))


def test_discord_gets_escaped_text_without_mentions() -> None:
    assert json.loads(chat_body(DISCORD, DONE) or "") == {
        "content": r"Boats \<\@1\> \*&\*\: Done \(1 result\)",
        "allowed_mentions": {"parse": []},
    }


@pytest.mark.parametrize("url", [SLACK, f"{DISCORD}/slack"])
def test_slack_gets_escaped_text(url: str) -> None:
    assert json.loads(chat_body(url, DONE) or "") == {
        "text": "Boats &lt;@1&gt; *&amp;*: Done (1 result)"
    }


def test_a_failed_run_says_why() -> None:
    assert json.loads(chat_body(SLACK, FAILED) or "")["text"] == "Boats: No memory. Try again."


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/", "https://discord.com.example.org/api/webhooks/1/t"]
)
def test_other_receivers_get_no_chat_message(url: str) -> None:
    assert chat_body(url, DONE) is None
