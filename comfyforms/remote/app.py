"""Client for an app that runs elsewhere: its workflows, runs, batches and chains."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self
from urllib.parse import quote

import requests
from PIL import Image

from comfyforms.remote.calls import Calls, RemoteError, TokenSession, reading
from comfyforms.remote.runs import RemoteBatch, RemoteChain, RemoteRun
from comfyforms.remote.status import ResultFile, WorkflowInfo

_PNG_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})
_NEAREST = {"I;16B": "I", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}  # RGB for other modes


class RemoteApp:
    """ComfyForms app at an address. Not thread-safe.

    Requests raise ApiError and AppUnreachable. Their base RemoteError is raised for a value that
    can't be sent, or if another program answers. All have a `hint`.
    """

    def __init__(
        self, url: str, *, token: str = "", session: requests.Session | None = None
    ) -> None:
        """`token`: a user's token; `session`: for other requirements of a proxy. Without both, runs
        can only be found by ID."""
        self._session = session or TokenSession()
        self._calls = Calls(url, self._session, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def health(self) -> dict[str, Any]:
        """Return the state of the app and its ComfyUI servers."""
        return self._calls.json("GET", "/health")

    def workflows(self) -> list[WorkflowInfo]:
        """Return the available workflows and chains."""
        entries = self._calls.json("GET", "/workflows")["workflows"]
        names = ("name", "title", "kind", "problem")
        return [WorkflowInfo(**{name: one[name] for name in names}) for one in entries]

    def workflow(self, name: str) -> dict[str, Any]:
        """Return the fields of a workflow, and the JSON Schema of its values."""
        return self._calls.json("GET", f"/workflows/{quote(name)}")

    def run(
        self,
        workflow: str,
        values: Mapping[str, object] | None = None,
        *,
        key: str = "",
        callback: str = "",
    ) -> RemoteRun:
        """Start a run. Values of file fields may be paths, open files, PIL images, or another run's
        files. `key`: repeating the call with the same key starts only one run. `callback`: the URL
        that receives a webhook at the end."""
        return RemoteRun(self._calls, self._begun(workflow, "runs", values, {}, key, callback))

    def batch(  # noqa: PLR0913 - options by name
        self,
        workflow: str,
        values: Mapping[str, object] | None = None,
        *,
        axes: Mapping[str, str | Sequence[object]] | None = None,
        table: str | Path | Iterable[Mapping[str, object]] | None = None,
        paired: bool = False,
        seeds: Literal["form", "one", "each"] = "form",
        key: str = "",
        callback: str = "",
    ) -> RemoteBatch:
        """Start a workflow once for each row. All rows share `values`.

        `axes`: by field key, a text as on the page ("10..30:10", one per line) or a list of values,
        which may include files. The rows are all combinations, or with `paired` the first value of
        each axis, then the second ones. `table`: a CSV or JSON Lines file, or rows of values by
        field key, which may include files. `seeds` that don't vary: "form" as the author set them,
        "one" for all rows, or "each" for another seed per row. `key`, `callback`: as in `run`.
        """
        body: dict[str, object] = {"paired": paired, "seeds": seeds}
        if axes is not None:
            body["axes"] = [self._axis(name, one, key) for name, one in axes.items()]
        if table is not None:
            body["table"] = self._table(table, key)
        document = self._begun(workflow, "batches", values, body, key, callback)
        return RemoteBatch(self._calls, document)

    def chain(
        self,
        workflow: str,
        values: Mapping[str, object] | None = None,
        *,
        key: str = "",
        callback: str = "",
    ) -> RemoteChain:
        """Start a chain. Its values have the step's name in front; `"detail.runs": False` skips a
        step. Otherwise like `run`."""
        return self._chain(self._begun(workflow, "chains", values, {}, key, callback))

    def find(self, run_id: str) -> RemoteRun:
        """Return an earlier run."""
        return RemoteRun(self._calls, self._one("runs", run_id))

    def find_batch(self, batch_id: str) -> RemoteBatch:
        """Return an earlier batch."""
        return RemoteBatch(self._calls, self._one("batches", batch_id))

    def find_chain(self, chain_id: str) -> RemoteChain:
        """Return an earlier chain."""
        return self._chain(self._one("chains", chain_id))

    def runs(self, **wanted: str) -> Iterator[RemoteRun]:
        """Yield your runs: active runs, then ended runs, newest first. `wanted`: `workflow`,
        `text`, `favourites`, `shared`, as in docs/api_requests.md."""
        return (RemoteRun(self._calls, told) for told in self._calls.pages("/runs", "runs", wanted))

    def batches(self) -> Iterator[RemoteBatch]:
        """Yield your batches, newest first."""
        documents = self._calls.pages("/batches", "batches", {})
        return (RemoteBatch(self._calls, one) for one in documents)

    def chains(self) -> Iterator[RemoteChain]:
        """Yield your chains, newest first."""
        documents = self._calls.pages("/chains", "chains", {})
        return (self.find_chain(one["id"]) for one in documents)  # the list has no results

    def upload(self, file: str | Path | BinaryIO | Image.Image, *, key: str = "") -> str:
        """Upload a file to use it several times. Return its ID, which can be used as a value.
        `key`: the same file with the same key is stored once."""
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
            document = self._calls.json("POST", "/uploads", files=sent, headers=_headers(key))
        return str(document["uploads"][0]["id"])

    def _begun(
        self,
        workflow: str,
        kind: str,
        values: Mapping[str, object] | None,
        more: Mapping[str, object],
        key: str,
        callback: str,
    ) -> dict[str, Any]:
        """Return the app's answer to a start request."""
        body = {"values": self._values(values or {}, key), **more}
        if callback:
            body["callback"] = callback
        path = f"/workflows/{quote(workflow)}/{kind}"
        return self._calls.json("POST", path, json=body, headers=_headers(key))

    def _one(self, kind: str, object_id: str) -> dict[str, Any]:
        return self._calls.json("GET", f"/{kind}/{quote(object_id, safe='')}")

    def _chain(self, document: Mapping[str, Any]) -> RemoteChain:
        return RemoteChain(self._calls, document, self._values)

    def _axis(self, name: str, values: str | Sequence[object], key: str) -> dict[str, object]:
        if isinstance(values, str):
            return {"field": name, "text": values}
        sent = self._values({f"{name}/{at}": one for at, one in enumerate(values)}, key)
        return {"field": name, "values": list(sent.values())}

    def _table(
        self, table: str | Path | Iterable[Mapping[str, object]], key: str
    ) -> dict[str, object]:
        if isinstance(table, str | Path):
            return {"name": Path(table).name, "text": Path(table).read_text("utf-8-sig")}
        rows: list[str] = []
        files: dict[str, object] = {}
        for number, row in enumerate(table, 1):
            sent = self._values(row, key and f"{key}/{number}")
            given = {name: f"{number}/{name}" for name in row if sent[name] is not row[name]}
            files |= {place: sent[name] for name, place in given.items()}
            rows.append(json.dumps({**sent, **given}))
        return {"name": "rows.jsonl", "text": "\n".join(rows), "files": files}

    def _values(self, values: Mapping[str, object], key: str = "") -> dict[str, object]:
        sent = {name: self._value(one, key and f"{key}/{name}") for name, one in values.items()}
        for name, value in sent.items():
            _check_sendable(name, value)
        return sent

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


def _check_sendable(name: str, value: object) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RemoteError(
            f"The value of {name} can't be sent: {value!r:.80}",
            "Values can be strings, finite numbers, booleans, files, None, and lists of these.",
        ) from error


def _headers(key: str) -> dict[str, str]:
    return {"idempotency-key": key} if key else {}


def _png(image: Image.Image) -> bytes:
    """Return the image as PNG, in the nearest mode that PNG has. Raises RemoteError if the image
    can't be read."""
    data = io.BytesIO()
    try:
        if image.mode in _PNG_MODES:
            image.save(data, "PNG")
        else:  # its color profile is for the other mode
            nearest = image.convert(_NEAREST.get(image.mode, "RGB"))
            nearest.save(data, "PNG", icc_profile=None)
    except (OSError, ValueError) as error:
        raise RemoteError(f"An image can't be sent: {error}.", "Save it as PNG first.") from error
    return data.getvalue()
