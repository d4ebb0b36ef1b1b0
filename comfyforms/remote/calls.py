"""Requests to the API of an app, with failures as readable errors."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests

_API = "/api/v1"
_CONNECT, _SILENCE = 10.0, 60.0  # seconds; events arrive every ten, if only as keep-alives


class RemoteError(Exception):
    """Base class of the client's exceptions: `str()` describes what happened, `hint` what to do
    next ("" if there is nothing to do)."""

    def __init__(self, said: str, hint: str = "") -> None:
        super().__init__(said)
        self.hint = hint


class AppUnreachable(RemoteError):
    """No answer: there is no app at this address, or the connection broke."""


@dataclass(frozen=True, slots=True)
class ApiProblem:
    """Problem of a request. `field`: its field's key; `row`: its row of a batch; `line`: its line
    of the table; None if it has no such part. `hint`: what to do, "" without specific advice."""

    message: str
    field: str | None = None
    row: int | None = None
    hint: str = ""
    line: int | None = None


class ApiError(RemoteError):
    """Error answer of the app: its HTTP `status`, the `kind` of problem, messages by field key
    (`errors`), all problems, at least one (`problems`), and the seconds to wait before a retry
    (`retry_after`), None if a retry is useless."""

    def __init__(
        self, document: Mapping[str, Any], status: int, retry_after: float | None = None
    ) -> None:
        detail = str(document.get("detail") or f"The app answered with status {status}.")
        super().__init__(detail, str(document.get("hint", "")))
        self.status = status
        self.retry_after = retry_after
        self.kind = str(document.get("type", "")).rpartition(":")[2]
        self.errors: dict[str, str] = dict(document.get("errors") or {})
        self.problems = _problems(document) or (ApiProblem(detail, hint=self.hint),)

    def __str__(self) -> str:
        fields = (f"{key}: {said}" for key, said in self.errors.items())
        return "\n".join([super().__str__(), *fields])


class TokenSession(requests.Session):
    """Session that sends a token again after a redirect to the same host; `requests` would send the
    credentials in .netrc."""

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Remove credentials for another host, like `requests.Session`, and keep a token for the
        same host."""
        login = prepared_request.headers.get("Authorization", "")
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        before, now = response.request.url, prepared_request.url
        leaves = self.should_strip_auth(before, now)  # type: ignore[no-untyped-call]
        if login.startswith("Bearer ") and not leaves:
            prepared_request.headers["Authorization"] = login


class Calls:
    """Sender of requests to one app. Use it from one thread at a time, like `requests.Session`."""

    def __init__(self, url: str, session: requests.Session, token: str = "") -> None:
        """`token`: sent as `Authorization: Bearer`."""
        parts = urlsplit(url)
        self._root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{_API}"
        self._session = session
        # Not a header, because credentials in .netrc for this host would replace it.
        self._login = partial(_with_token, token) if token else None

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Iterator[requests.Response]:
        """Return the answer at a path below the API. Raises ApiError, AppUnreachable. Reading the
        body may fail later (`reading`)."""
        with reading():
            answer = self._session.request(
                method,
                f"{self._root}{path}",
                headers=headers,
                auth=self._login,
                timeout=more.pop("timeout", (_CONNECT, _SILENCE)),
                **more,
            )
        with answer:
            if answer.status_code >= 400:
                with reading():
                    later = answer.headers.get("retry-after", "")  # a proxy may send a date
                    seconds = float(later) if later.isdecimal() else None
                    raise ApiError(_told(answer) or {}, answer.status_code, seconds)
            yield answer

    def json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the JSON object in the response. Raises RemoteError for anything else."""
        with self.answer(method, path, **more) as answer, reading():
            document = _told(answer)
        if document is None:
            raise _not_of_the_app()
        return document

    def content(self, path: str) -> tuple[str, bytes]:
        """Return the type and the bytes of the response."""
        with self.answer("GET", path) as answer, reading():
            return answer.headers.get("content-type", ""), answer.content

    def preview(self, run: str) -> tuple[str, bytes] | None:
        """Return a run's newest preview with its type, or None."""
        try:
            return self.content(f"/runs/{run}/preview")
        except ApiError as problem:
            if problem.status == 404:
                return None
            raise

    def pages(self, path: str, name: str, wanted: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield all items of a list with this name, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.json("GET", path, params={**wanted, "cursor": cursor})
            yield from page[name]
            cursor = page["next"]

    def events(self, path: str, known: str) -> Generator[tuple[str, dict[str, Any]]]:
        """Yield the events after the one with the ID `known`, with their IDs; nothing if it was the
        last. Raises RemoteError for another kind of response."""
        headers = {"last-event-id": known} if known else {}
        with self.answer("GET", path, headers, stream=True) as answer:
            kind = answer.headers.get("content-type", "")
            if answer.status_code == 200 and not kind.startswith("text/event-stream"):
                raise _not_of_the_app()
            event_id = ""
            for line in _lines(answer):
                name, _, value = line.partition(": ")
                if name == "id":
                    event_id = value
                elif name == "data":
                    yield event_id, json.loads(value)


@contextmanager
def reading() -> Iterator[None]:
    """Raise AppUnreachable if the connection breaks or can't be opened."""
    try:
        yield
    except requests.RequestException as error:
        raise AppUnreachable("The app doesn't answer.", "Is it running at this address?") from error


def _not_of_the_app() -> RemoteError:
    return RemoteError(
        "The answer isn't from the app.", "Is there a proxy that asks for a sign-in?"
    )


def _with_token(token: str, request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _lines(answer: requests.Response) -> Iterator[str]:
    with reading():
        yield from answer.iter_lines(decode_unicode=True)


def _problems(document: Mapping[str, Any]) -> tuple[ApiProblem, ...]:
    if listed := document.get("problems"):
        return tuple(
            ApiProblem(one["detail"], one["field"], one["row"], line=one["line"]) for one in listed
        )
    return tuple(ApiProblem(said, key) for key, said in (document.get("errors") or {}).items())


def _told(answer: requests.Response) -> dict[str, Any] | None:
    try:
        document = answer.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
