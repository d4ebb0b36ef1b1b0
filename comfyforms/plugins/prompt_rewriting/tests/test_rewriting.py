"""Prompts rewritten by a language model that the administrator names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from pydantic import ValidationError

from comfy.runs.limits import RunLimits
from comfyforms.plugins.prompt_rewriting.settings import INSTRUCTIONS, RewritingSettings
from comfyforms.plugins.prompt_rewriting.tests.chat_server import MODEL, ChatServer, chat_server
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

REFUSED = "The prompt couldn't be rewritten."


@pytest.fixture(scope="module")
def model() -> Iterator[ChatServer]:
    with chat_server() as model:
        yield model


@pytest.fixture(scope="module")
def rewriting(model: ChatServer, own_temporary_folder: None) -> Iterator[RunningApp]:
    settings = WebSettings(port=0, of_plugins=model.settings())
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        yield app


def rewrite(app: RunningApp, text: object) -> requests.Response:
    address = f"{app.url}/rewrite-prompt"
    cookies = cookie_of(ANN)
    return requests.post(address, json={"text": text}, cookies=cookies, timeout=LONGEST_WAIT)


def test_a_call_counts_as_a_run_for_the_hourly_limit(model: ChatServer) -> None:
    """The browsers at an address share the limit, and callers without a cookie have no access
    unless they are on the app's machine."""
    settings = WebSettings(port=0, of_plugins=model.settings())
    model.content, asked = "a large cat", len(model.asked)
    with running_demo_app(settings=settings, run_limits=RunLimits(hourly=2)) as (_, app):
        address, draft = f"{app.url}/rewrite-prompt", {"text": "a cat"}
        told = [
            requests.post(address, json=draft, cookies=cookie, timeout=LONGEST_WAIT).status_code
            for cookie in ({}, cookie_of(ANN), cookie_of(BOB), cookie_of(BOB))
        ]
    assert told == [409, 200, 200, 429]
    assert len(model.asked) == asked + 2


def test_the_model_gets_the_prompt_and_the_instructions(
    rewriting: RunningApp, model: ChatServer
) -> None:
    """A thinking model's thoughts are left out."""
    model.content = "<think>\nHm.\n</think>\n\n a large cat\n"
    assert rewrite(rewriting, "a cat").json() == {"text": "a large cat"}
    path, key, body = model.asked[-1]
    assert (path, key) == ("/v1/chat/completions", "Bearer sesame")
    assert body["model"] == MODEL
    assert [one["content"] for one in body["messages"]] == [INSTRUCTIONS, "a cat"]


@pytest.mark.parametrize("content", ["", None, ["a"], "x" * 2_000_000, b"[" * 200_000])
def test_an_unusable_answer_is_a_problem(
    rewriting: RunningApp, model: ChatServer, content: object
) -> None:
    model.content = content
    answer = rewrite(rewriting, "a cat")
    assert (answer.status_code, answer.json()["detail"]) == (409, REFUSED)


def test_a_refusal_of_the_server_is_a_problem(rewriting: RunningApp, model: ChatServer) -> None:
    model.content, model.status = "a large cat", 500
    assert rewrite(rewriting, "a cat").json()["detail"] == REFUSED
    model.status = 200


@pytest.mark.parametrize("text", ["", "x" * 4_001, 7, None])
def test_a_wrong_text_never_reaches_the_model(
    rewriting: RunningApp, model: ChatServer, text: object
) -> None:
    before = len(model.asked)
    assert rewrite(rewriting, text).status_code == 422
    assert len(model.asked) == before


@pytest.mark.parametrize("address", ["127.0.0.1:11434", "ftp://a", "https://a/?b=c", "https://"])
def test_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="write an address"):
        RewritingSettings.model_validate({"rewrite_server": address})


def test_an_address_may_have_a_path() -> None:
    settings = RewritingSettings.model_validate({"rewrite_server": "https://a.example/api/"})
    assert settings.rewrite_server == "https://a.example/api"
