"""Runs of a client that uses the REST API."""

from __future__ import annotations

import secrets

import requests

from tools.benchmarks.tools.clients import SEED, WAIT, WORKFLOW, Person


def whole_run(person: Person) -> None:
    """Start a run and wait for its end. Raises AssertionError unless it is done."""
    address = f"{person.url}/api/v1/workflows/{WORKFLOW}/runs?wait=true"
    body = {"values": {SEED: secrets.randbits(32)}}
    answer = requests.post(address, json=body, headers={"cookie": person.cookie}, timeout=WAIT)
    answer.raise_for_status()
    assert answer.json()["phase"] == "done", answer.text
