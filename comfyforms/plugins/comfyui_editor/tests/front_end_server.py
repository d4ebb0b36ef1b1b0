"""Server with a tiny front end and a hostile node pack, beside the stand-in, which has neither."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

PAGE = b"""<!doctype html><html><head><title>Editor</title></head><body><h1>Editor</h1>
<script type="module">
const scripts = await (await fetch("/api/extensions")).json();
await Promise.all(scripts.map((one) => import(one)));
document.title = "Loaded";
</script></body></html>"""
# The front end's own modules, as far as scripts of node packs use it.
APP = b"""export const app = {
  extensions: [],
  registerExtension(one) { this.extensions.push(one); },
  loadGraphData() {},
};
window.app = app;"""
API = b"""export const api = {
  interrupt: () => {},
  fetchApi: (path, options) => fetch(`/api${path}`, options),
};"""
EVIL = "/extensions/evil/evil.js"


class _Answers(http.server.BaseHTTPRequestHandler):
    """Answers of `files` by path, and what a ComfyUI server must have to be one."""

    files: Mapping[str, bytes]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        content = self.files.get(path.removeprefix("/api") or "/")
        self.send_response(404 if content is None else 200)
        self.send_header("content-length", str(len(content or b"")))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a check that ended early
            self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


TINY = {
    "/": PAGE,
    "/scripts/api.js": API,
    "/scripts/app.js": APP,
    "/extensions": json.dumps([EVIL]).encode(),
    EVIL: Path(__file__).with_name("evil.js").read_bytes(),
}


def official_front_end(folder: Path) -> dict[str, bytes]:
    """Return the files of an unpacked front end."""
    files = {
        f"/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    scripts = [one for one in files if one.startswith("/extensions/") and one.endswith(".js")]
    return {**files, "/": files["/index.html"], "/extensions": json.dumps(scripts).encode()}


@contextlib.contextmanager
def front_end_server(front_end: Mapping[str, bytes] = MappingProxyType(TINY)) -> Iterator[str]:
    """Serve the files of a front end, and yield the server's URL."""
    files = {
        "/object_info": b"{}",
        "/system_stats": b'{"system": {}, "devices": []}',
        "/features": b"{}",
        "/queue": b'{"queue_running": [], "queue_pending": []}',
        "/i18n": b"{}",
        "/internal/logs": b"secret",
        "/free": b"secret",
        **front_end,
    }
    handler = type("Answers", (_Answers,), {"files": files})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
