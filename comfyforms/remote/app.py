"""An app that runs elsewhere: its workflows, and runs of them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import requests
from PIL import Image

from comfyforms.remote.calls import Calls, reading
from comfyforms.remote.run import RemoteRun
from comfyforms.remote.status import ResultFile, WorkflowInfo


class RemoteApp:
    """A ComfyForms app at an address. For one thread at a time.

    ApiError and AppUnreachable wherever it is asked something; both have a `hint`.
    """

    def __init__(
        self, url: str, *, token: str = "", session: requests.Session | None = None
    ) -> None:
        """`token`: of a person who may use it; `session`: for whatever else a proxy in front wants.
        Without either, runs are found again by their ids only."""
        self._session = session or requests.Session()
        self._calls = Calls(url, self._session, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def health(self) -> dict[str, Any]:
        """How the app is, and each ComfyUI behind it."""
        return self._calls.json("GET", "/health")

    def workflows(self) -> list[WorkflowInfo]:
        """The workflows and chains on offer."""
        told = self._calls.json("GET", "/workflows")["workflows"]
        names = ("name", "title", "kind", "problem")
        return [WorkflowInfo(**{name: one[name] for name in names}) for one in told]

    def workflow(self, name: str) -> dict[str, Any]:
        """The fields of a workflow, and the JSON Schema of its values."""
        return self._calls.json("GET", f"/workflows/{quote(name)}")

    def run(
        self,
        workflow: str,
        values: Mapping[str, object] | None = None,
        *,
        key: str = "",
        callback: str = "",
    ) -> RemoteRun:
        """Start a run. Values of fields for files may be paths, open files, PIL images, or files
        that another run has made. `key`: the same call with the same key starts it once.
        `callback`: the address to which a webhook is sent at the end."""
        told = {
            name: self._value(one, key and f"{key}/{name}") for name, one in (values or {}).items()
        }
        body = {"values": told} | ({"callback": callback} if callback else {})
        headers = _headers(key)
        path = f"/workflows/{quote(workflow)}/runs"
        return RemoteRun(self._calls, self._calls.json("POST", path, json=body, headers=headers))

    def find(self, run_id: str) -> RemoteRun:
        """A run of before."""
        return RemoteRun(self._calls, self._calls.json("GET", f"/runs/{quote(run_id, safe='')}"))

    def runs(self, **wanted: str) -> Iterator[RemoteRun]:
        """Your runs: those that go on, then those that have ended, newest first. `wanted`:
        `workflow`, `text`, `favourites`, as in docs/api.md."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._calls.json("GET", "/runs", params={**wanted, "cursor": cursor})
            yield from (RemoteRun(self._calls, told) for told in page["runs"])
            cursor = page["next"]

    def upload(self, file: str | Path | BinaryIO | Image.Image, *, key: str = "") -> str:
        """Send a file that is used several times; its id, which is a value. `key`: the same file
        sent with the same key is kept once."""
        match file:
            case str() | Path():
                with Path(file).open("rb") as opened:
                    return self._upload(Path(file).name, opened, key)
            case Image.Image():
                return self._upload("image.png", io.BytesIO(_png(file)), key)
            case _:
                return self._upload(Path(str(getattr(file, "name", "file"))).name, file, key)

    def _upload(self, name: str, file: BinaryIO, key: str) -> str:
        sent = {"file": (name, file)}
        with reading():
            told = self._calls.json("POST", "/uploads", files=sent, headers=_headers(key))
        return str(told["uploads"][0]["id"])

    def _value(self, value: object, key: str) -> object:
        match value:
            case ResultFile(run=run, n=n):
                return {"run": run, "file": n}
            case Path() | Image.Image():
                return self.upload(value, key=key)
            case _ if hasattr(value, "read"):
                return self.upload(value, key=key)  # type: ignore[arg-type]
            case _:
                return value


def _headers(key: str) -> dict[str, str]:
    return {"idempotency-key": key} if key else {}


def _png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
