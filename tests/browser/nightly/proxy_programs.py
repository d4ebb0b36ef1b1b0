"""Run nginx and Caddy on free ports, configured as docs/deploy or a plugin's folder shows, in front of
the app."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import trustme

from tests.support.programs import skip_without
from tests.support.waiting import LONGEST_WAIT

DEPLOY = Path(__file__).parents[3] / "docs" / "deploy"
_NAMES = "10.0.0.1{}:7860"  # several processes
NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {site}
}}
"""


@dataclass(frozen=True, slots=True)
class ProxyPlace:
    """Ports and certificate files for a proxy and its apps. `http2` says whether the proxy speaks
    HTTP/2 with browsers, as in docs/deploy. `shown`: the folder with the configuration."""

    port: int
    app_ports: tuple[int, ...]
    certificate: Path
    key: Path
    http2: bool = True
    shown: Path = DEPLOY


def _told(text: str, changes: Mapping[str, str]) -> str:
    """Return the text of a file in docs with other values in it. Fail if the text lacks any of the
    old values."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _nginx(at: ProxyPlace) -> str:
    site = _told(
        (at.shown / "nginx.conf").read_text(encoding="utf-8"),
        {
            "listen 443 ssl http2": f"listen 127.0.0.1:{at.port} ssl{' http2' * at.http2}",
            "/etc/ssl/forms.example.org.pem": str(at.certificate),
            "/etc/ssl/forms.example.org.key": str(at.key),
            **_apps(at),
        },
    )
    return NGINX.format(site=site)


def _caddy(at: ProxyPlace) -> str:
    site = _told(
        (at.shown / "Caddyfile").read_text(encoding="utf-8"),
        {
            "forms.example.org {": f"https://127.0.0.1:{at.port} {{\n\ttls {at.certificate} {at.key}",
            **_apps(at),
        },
    )
    return f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}"


def _apps(at: ProxyPlace) -> Mapping[str, str]:
    """Return the tests' addresses of the apps by the addresses in docs."""
    addresses = [f"127.0.0.1:{port}" for port in at.app_ports]
    names = ["127.0.0.1:7860"] if len(addresses) == 1 else [_NAMES.format(n) for n in (1, 2)]
    return dict(zip(names, addresses, strict=True))


# By name: what its file says, and how it is started with it in the folder where it stands.
PROXIES: Mapping[str, tuple[Callable[[ProxyPlace], str], list[str]]] = MappingProxyType(
    {
        "nginx": (_nginx, ["-p", ".", "-e", "error.log", "-c", "config"]),
        "caddy": (_caddy, ["run", "--adapter", "caddyfile", "--config", "config"]),
    }
)


@contextlib.contextmanager
def running_proxy_program(name: str, at: ProxyPlace, folder: Path) -> Iterator[str]:
    """Run the named proxy in front of one app, or two, and yield the proxy's address without the
    path. The proxy writes its files to the folder."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    program = shutil.which(name, path=path)
    if program is None:
        skip_without(f"{name}, as Debian has it")
    config, arguments = PROXIES[name]
    (folder / "config").write_text(config(at), encoding="utf-8")
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            [program, *arguments], cwd=folder, env=os.environ | own, stdout=said, stderr=said
        ) as process,
    ):
        try:
            _wait_for(process, at.port, folder / "said")
            yield f"https://127.0.0.1:{at.port}"
        finally:
            process.terminate()
            process.wait(LONGEST_WAIT)


def certificate_files(folder: Path) -> tuple[Path, Path, Path]:
    """Write a certificate for 127.0.0.1, its key and its authority's certificate to files in the
    folder, and return their paths."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    files = folder / "certificate.pem", folder / "key.pem", folder / "authority.pem"
    certificate.private_key_pem.write_to_path(files[1])
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(files[0], append=True)
    authority.cert_pem.write_to_path(files[2])
    return files


def _wait_for(process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    end = time.monotonic() + LONGEST_WAIT
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < end, said.read_text()
        threading.Event().wait(0.05)
