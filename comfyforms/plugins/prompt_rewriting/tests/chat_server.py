"""A language model behind OpenAI's chat API, which answers as a test says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from comfyforms.plugins.prompt_rewriting.settings import RewritingSettings

MODEL = "small"


@dataclass
class ChatServer:
    """Model at `url`. `status` and `content`: its answer, bytes for a whole body. `asked`: the bodies of the requests, with
    their path and key."""

    url: str = ""
    status: int = 200
    content: object = "a large cat"
    asked: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)

    def settings(self) -> RewritingSettings:
        return RewritingSettings.model_validate(
            {"rewrite_server": self.url, "rewrite_model": MODEL, "rewrite_key": "sesame"}
        )


@contextlib.contextmanager
def chat_server() -> Iterator[ChatServer]:
    here = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            here.asked.append((self.path, self.headers["authorization"], body))
            answer = {"choices": [{"message": {"content": here.content}}]}
            raw = here.content
            data = raw if isinstance(raw, bytes) else json.dumps(answer).encode()
            self.send_response(here.status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, name="chat server")
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
