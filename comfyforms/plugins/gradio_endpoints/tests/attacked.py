"""Requests of the endpoints, for the attacks."""

from __future__ import annotations

import json

import requests

from tests.attacks.faces import Names, got, with_name, without_name
from tests.attacks.parts import AttackedPart
from tests.support.gradio_calls import script_client
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT


def a_call(app: RunningApp, cookie: str, name: str = "workflows", *data: object) -> str:
    address = f"{app.url}/gradio_api/call/{name}"
    answer = requests.post(
        address, json={"data": data}, headers={"Cookie": cookie}, timeout=LONGEST_WAIT
    )
    return str(answer.json()["event_id"])


def listed(app: RunningApp, session: requests.Session) -> str:
    cookie = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
    event = a_call(app, cookie)
    return session.get(f"{app.url}/gradio_api/call/workflows/{event}", timeout=LONGEST_WAIT).text


def called(path: str, body: object) -> Names:
    def names(app: RunningApp, session: requests.Session, name: str) -> tuple[int, str]:
        address = f"{app.url}/gradio_api/call/{with_name(path, name)}"
        filled = json.loads(with_name(json.dumps(body), name))
        answer = session.post(address, json=filled, timeout=LONGEST_WAIT)
        if answer.ok:
            event = answer.json()["event_id"]
            answer = session.get(f"{address}/{event}", timeout=LONGEST_WAIT)
        return answer.status_code, without_name(answer.text, name)

    return names


def steps_seen(url: str, _: str, steps: int) -> int:
    """Count the steps that the answers of a call have."""
    job = script_client(url).submit("text-to-image", {"5.steps": steps}, api_name="/run")
    job.result(timeout=LONGEST_WAIT)
    return len({answer["step"] for answer in job.outputs()})


PART = AttackedPart(
    call=a_call,
    lists={"Gradio's list": listed, "Gradio's endpoints": got("/gradio_api/info")},
    names={
        "Gradio's run": called("run", {"data": ["NAME", {"x": 1}]}),
        "Gradio's endpoint": called("IDENTIFIER", {"data": [None]}),
        "Gradio's plain endpoint": called("v2/IDENTIFIER", {"x": 1}),
    },
    steps_seen=steps_seen,
)
