"""ComfyUI server with the custom node: the stand-in, whose checkpoints are also the files of a
folder, and the node's own code for downloads."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from comfyforms.comfyui_node.downloads.problems import DownloadProblem
from comfyforms.comfyui_node.downloads.queue import Downloads
from comfyforms.comfyui_node.downloads.targets import ModelFolder
from comfyforms.comfyui_node.model_orders import DOWNLOADS, answer_order
from comfyforms.comfyui_node.signing import SignatureCheck, SignatureRefused
from tests.support.waiting import LONGEST_WAIT

SECRET = "a-secret-of-both-that-is-long"
_FOLDERS = ("checkpoints", "loras")
_ENDINGS = frozenset({".safetensors", ".ckpt"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: str
    models: Path
    downloads: Downloads
    signatures: SignatureCheck

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        if path.startswith(DOWNLOADS):
            self._send(*self._ordered(path, body))
        elif path == "/experiment/models":
            folders = [
                {"name": name, "folders": [str(self.models / name)], "extensions": [*_ENDINGS]}
                for name in _FOLDERS
            ]
            self._send(200, json.dumps(folders).encode())
        else:
            self._send(*self._passed_on(body))

    do_GET = do_POST = do_DELETE = _answer

    def _ordered(self, path: str, body: bytes) -> tuple[int, bytes]:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self.signatures.check(headers, self.command, self.path, body)
            answer: dict[str, Any] = answer_order(self.downloads, self.command, path, body)
        except SignatureRefused as problem:
            return 403, json.dumps({"error": str(problem)}).encode()
        except DownloadProblem as problem:
            return 400, json.dumps({"error": str(problem)}).encode()
        except LookupError:
            return 404, b"{}"
        return 200, json.dumps(answer).encode()

    def _passed_on(self, body: bytes) -> tuple[int, bytes]:
        kind = {"Content-Type": self.headers.get("content-type", "application/json")}
        answer = requests.request(
            self.command, self.target + self.path, data=body, headers=kind, timeout=LONGEST_WAIT
        )
        if self.path != "/object_info":
            return answer.status_code, answer.content
        catalog = answer.json()
        loader = catalog["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
        names = {one.name for one in (self.models / "checkpoints").glob("*.safetensors")}
        loader[0] = sorted({*loader[0], *names})
        return answer.status_code, json.dumps(catalog).encode()

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def node_server(target: str, folder: Path) -> Iterator[str]:
    """Serve the stand-in at `target` with the custom node, and yield the address. `folder`:
    contains the models."""
    models = folder / "models"
    for name in _FOLDERS:
        (models / name).mkdir(parents=True, exist_ok=True)
    folders = {name: ModelFolder((models / name,), _ENDINGS) for name in _FOLDERS}
    downloads = Downloads(folder / "state", lambda: folders, pauses=(0.0,) * 3)
    handler = type(
        "Handler",
        (_Handler,),
        {
            "target": target,
            "models": models,
            "downloads": downloads,
            "signatures": SignatureCheck(SECRET),
        },
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    downloads.restore()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        downloads.close()


def graph_with(name: str, url: str, sha256: str = "") -> dict[str, Any]:
    """Return an editor graph whose checkpoint has this name and address."""
    path = Path(__file__).parents[1] / "data" / "graphs" / "lighthouse.app.json"
    graph: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    loader = next(one for one in graph["nodes"] if one["type"] == "CheckpointLoaderSimple")
    loader["widgets_values"] = [name]
    model = {"name": name, "url": url, "directory": "checkpoints"}
    if sha256:
        model |= {"hash": sha256, "hash_type": "SHA256"}
    loader["properties"]["models"] = [model]
    return graph
