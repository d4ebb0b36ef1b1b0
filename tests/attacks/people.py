"""Users with runs and files, created over HTTP as a browser would."""

from __future__ import annotations

import io
import json
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from PIL import Image
from pydantic import BaseModel

from tests.attacks.parts import attacked_parts
from tests.attacks.texts import PROMPT as PROMPT
from tests.attacks.texts import SECRET as SECRET
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import PROGRAMS, SignedIn, SignInSettings
from ui.settings.web_settings import WebSettings

ANN, BOB = ("ann", "lighthouse at dusk"), ("bob", "harbour in rain")
# an administrator, and a member of a group that may only run given workflows
ROOT, DORA = ("root", "lantern on the quay"), ("dora", "buoy in fog")
LOGIN = WebSettings(port=0, users=(ANN, BOB), sign_in=SignInSettings(share_link=True))
NAMING = {path: body for part in attacked_parts() for path, body in part.naming.items()}
SMALL = {"5.steps": 1, "4.width": 256, "4.height": 256}
LAST_STEP = "upscale"  # of `a_chain`
OWN = 1  # indentation of the owner's workflow, so that no other person opens the same bytes


def all_plugins() -> BaseModel:
    """Return settings that turn on every route."""
    parts = [part.settings for part in attacked_parts() if part.settings]
    given = {key: value for one in parts for key, value in one.model_dump().items()}
    return type("AllPlugins", (*map(type, parts), BaseModel), {}).model_validate(given)


@dataclass(frozen=True, slots=True)
class Owned:
    """A user's own data: a finished run, an upload's path, a private workflow, a script's call, and
    plugins' data by parameter. `with_groups` adds a finished batch, a finished chain, and the
    run of the chain's last step."""

    run: str
    upload: str
    workflow: str
    call: str
    batch: str = "no-batch"
    chain: str = "no-chain"
    step_run: str = "no-run"
    of_parts: Mapping[str, str] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Return a registered path with its {parameters} replaced by this data."""
        names = {
            "run_id": self.step_run if "/chain" in path else self.run,
            "batch_id": self.batch,
            "chain_id": self.chain,
            "index": "0",
            "name": LAST_STEP if "/steps/" in path else "a.png",
            "name:path": self.workflow if path.startswith("/api/v1") else "any",
            "n": "0",
            "change": "stop",
            "api_name": "predict" if "/run/" in path else "workflows",
            "event_id": self.call,
            "call": self.call,
            "place:path": self.upload,
            "path_or_url:path": self.upload,
            **self.of_parts,
        }
        return re.sub(r"\{([^}]+)\}", lambda found: names.get(found[1], "any"), path)


@dataclass(frozen=True, slots=True)
class Person:
    cookie: str
    owned: Owned
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        shown = {"Cookie": self.cookie, "Authorization": self.token and f"Bearer {self.token}"}
        return {name: value for name, value in shown.items() if value}


def never(owned: Owned) -> Owned:
    """Return well-formed names of data that never existed."""
    return Owned(
        str(uuid.uuid4()),
        re.sub(r"[0-9a-f]{32,}", lambda found: secrets.token_hex(len(found[0]) // 2), owned.upload),
        owned.workflow[:-4] + "zzzz",
        secrets.token_hex(16),
        *(str(uuid.uuid4()) for _ in range(3)),
        of_parts={
            name: one if one.isdecimal() else secrets.token_urlsafe(16)
            for name, one in owned.of_parts.items()
        },
    )


def browser(app: RunningApp, login: tuple[str, str] | None = None) -> str:
    """Return the cookies of a browser that opened the page and, with `login`, signed in."""
    with requests.Session() as session:
        if login:
            name, password = login
            answer = session.post(
                f"{app.url}/login", {"username": name, "password": password}, timeout=LONGEST_WAIT
            )
            assert answer.ok, answer.text
        session.get(app.url, timeout=LONGEST_WAIT)
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def guest(app: RunningApp) -> str:
    """Return the cookies of a browser that opened the link for guests."""
    with requests.Session() as session:
        link = app.asgi.state.identity.login.share_link
        assert session.get(f"{app.url}/join/{link}", timeout=LONGEST_WAIT).ok
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def program_token(app: RunningApp, user: tuple[str, str]) -> str:
    """Create a token of a user that opens the routes of programs."""
    login = app.asgi.state.identity.login
    who = SignedIn(user[0], "password", proof=login.user(user[0]).proof)
    return str(login.new_token(who, "krita", PROGRAMS))


def person(app: RunningApp, login: tuple[str, str] | None = None) -> Person:
    cookie = browser(app, login)
    run = a_run(app, cookie)
    return Person(
        cookie,
        Owned(
            run,
            an_upload(app, cookie),
            a_workflow(app, cookie, OWN),
            a_call(app, cookie),
            of_parts=_of_parts(app, cookie, run),
        ),
    )


def _of_parts(app: RunningApp, cookie: str, run: str) -> dict[str, str]:
    return {
        name: one for part in attacked_parts() for name, one in part.owned(app, cookie, run).items()
    }


def anew(app: RunningApp, who: Person, path: str) -> Person:
    """Return this user with a new call and new data for the path's parameters. Open the user's
    workflow again."""
    a_workflow(app, who.cookie, OWN)
    owned = replace(who.owned, call=a_call(app, who.cookie))
    if "{run_id}" in path or path in NAMING:
        owned = replace(owned, run=a_run(app, who.cookie))
    if any(f"{{{name}}}" in path for name in owned.of_parts):
        owned = replace(owned, of_parts=_of_parts(app, who.cookie, owned.run))
    if "{batch_id}" in path:
        owned = replace(owned, batch=a_batch(app, who.cookie))
    if "{chain_id}" in path:
        owned = replace(owned, chain=a_chain(app, who.cookie)[0])
    return replace(who, owned=owned)


def with_groups(app: RunningApp, who: Person) -> Person:
    """Return this user with a batch and a chain."""
    chain, step = a_chain(app, who.cookie)
    owned = replace(who.owned, batch=a_batch(app, who.cookie), chain=chain, step_run=step)
    return replace(who, owned=owned)


def a_batch(app: RunningApp, cookie: str) -> str:
    """Return the id of a finished batch: a grid of two runs."""
    axes = [{"field": "2.text", "text": "a cat\na dog"}]
    told = done_at(app, cookie, "text-to-image/batches", {"values": SMALL, "axes": axes})
    return str(told["id"])


def a_chain(app: RunningApp, cookie: str) -> tuple[str, str]:
    """Return the ids of a finished chain and of its last run, which uses another run's result."""
    values = {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}
    told = done_at(app, cookie, "create-upscale-detail.chain/chains", {"values": values})
    (step,) = (step for step in told["steps"] if step["name"] == LAST_STEP)
    return str(told["id"]), str(step["ended"][0])


def done_at(app: RunningApp, cookie: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Start a batch or a chain, wait until it finishes, and return its document."""
    address = f"{app.url}/api/v1/workflows/{path}?wait=true"
    answer = requests.post(address, json=body, headers={"Cookie": cookie}, timeout=LONGEST_WAIT)
    told = dict(answer.json())
    assert told.get("state") == "done", told
    return told


def a_run(app: RunningApp, cookie: str) -> str:
    """Let a script with this cookie start a run, and return the id of the finished run."""
    address = f"{app.url}/api/v1/workflows/text-to-image/runs?wait=true"
    body = {"values": {**SMALL, "2.text": SECRET}}
    answer = requests.post(address, json=body, headers={"Cookie": cookie}, timeout=LONGEST_WAIT)
    assert answer.json().get("phase") == "done", answer.text
    return str(answer.json()["id"])


def a_call(app: RunningApp, cookie: str) -> str:
    """Return the id of a new call of a plugin's Gradio function, or of no call without one."""
    calls = (part.call(app, cookie) for part in attacked_parts() if part.call)
    return next(calls, secrets.token_hex(16))


def an_upload(app: RunningApp, cookie: str) -> str:
    """Upload an image for a form and return its path."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG")
    files = {"files": ("secret.png", data.getvalue())}
    answer = requests.post(
        f"{app.url}/gradio_api/upload",
        files=files,
        headers={"Cookie": cookie},
        timeout=LONGEST_WAIT,
    )
    return str(answer.json()[0])


def a_workflow(app: RunningApp, cookie: str, indent: int | None = None) -> str:
    """Open a workflow for a single user and return its name."""
    address = f"{app.url}/api/v1/workflows?file=private.json"
    answer = requests.post(
        address, json.dumps(PROMPT, indent=indent), headers={"Cookie": cookie}, timeout=LONGEST_WAIT
    )
    assert answer.ok, answer.text
    return str(answer.json()["name"])
