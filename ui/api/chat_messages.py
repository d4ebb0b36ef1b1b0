"""Webhooks for Discord and Slack, which accept only their own JSON: one line about an end."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from ui.documents.group_docs import BatchDoc, ChainDoc
from ui.documents.run_doc import RunDoc, RunProblem

_DISCORD = re.compile(r"(?:(?:ptb|canary)\.)?discord(?:app)?\.com")
_SLACK = re.compile(r"hooks\.slack(?:-gov)?\.com")
_LONGEST = 1900  # characters; Discord accepts 2000
_MARKUP = re.compile(r"([\\*_~`|>#\[\]()<@:-])")  # Discord's Markdown and mentions


def chat_body(url: str, doc: RunDoc | BatchDoc | ChainDoc) -> str | None:
    """Return the body for an incoming webhook of Discord or Slack as ASCII JSON; None for other
    addresses."""
    address = urlsplit(url)
    host, line = address.hostname or "", _line(doc)[:_LONGEST]
    if _DISCORD.fullmatch(host) and not address.path.endswith(("/slack", "/github")):
        # Texts from users must not ping the channel's members.
        content = _MARKUP.sub(r"\\\1", line)
        return json.dumps({"content": content[:_LONGEST], "allowed_mentions": {"parse": []}})
    if _SLACK.fullmatch(host) or (_DISCORD.fullmatch(host) and address.path.endswith("/slack")):
        text = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return json.dumps({"text": text})
    return None


def _line(doc: RunDoc | BatchDoc | ChainDoc) -> str:
    match doc:
        case RunDoc(error=RunProblem() as problem):
            news = f"{problem.message} {problem.hint}"
        case RunDoc():
            count = sum(file.saved for file in doc.files) or len(doc.files) + len(doc.texts)
            news = f"{doc.headline} ({count} result{'' if count == 1 else 's'})"
        case BatchDoc():
            news = (
                f"{doc.state}, {doc.done} of {doc.rows} rows done, {doc.failed} failed. {doc.why}"
            )
        case ChainDoc():
            news = f"{doc.state}. {doc.why}"
    return " ".join(f"{doc.title}: {news}".split())
