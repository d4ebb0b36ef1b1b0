"""Links to results over HTTP: whose they are, and what is told behind them."""

from __future__ import annotations

import requests

from tests.attacks.people import SECRET, browser, person
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT


def test_a_link_tells_its_file_only() -> None:
    """The file comes as its owner gets it, with the same headers, and is kept by no browser; of the
    run, its owner and its values nothing is told. Nobody else makes, changes or ends the link."""
    with running_demo_app(step_seconds=0) as (_, app):
        ann, ben = person(app), {"Cookie": browser(app)}
        link_of = f"{app.url}/history/{ann.owned.run}/files/0/link"
        for method in ("POST", "DELETE"):
            assert (
                requests.request(method, link_of, headers=ben, timeout=LONGEST_WAIT).status_code
                == 404
            )
        told = requests.post(link_of, headers=ann.headers, timeout=LONGEST_WAIT).json()
        assert told["has_prompt"]
        assert not told["prompt"]
        assert told["is_new"]
        address = app.url + told["address"]
        for method in ("POST", "DELETE"):
            foreign = requests.request(
                method, f"{link_of}?prompt=true", headers=ben, timeout=LONGEST_WAIT
            )
            assert foreign.status_code == 404
        evil = ann.headers | {"Origin": "https://evil.example"}
        assert requests.delete(link_of, headers=evil, timeout=LONGEST_WAIT).status_code == 401

        page = requests.get(address, headers=ben, timeout=LONGEST_WAIT)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        for secret in (SECRET, ann.owned.run, "steps"):
            assert secret not in page.text
        own = requests.get(
            f"{app.url}/files/{ann.owned.run}/0/a.png", headers=ann.headers, timeout=LONGEST_WAIT
        )
        given = requests.get(f"{address}/a.png", headers=ben, timeout=LONGEST_WAIT)
        assert given.content == own.content
        assert given.headers["cache-control"] == "private, no-store"
        name = given.headers["content-disposition"]  # the owner's has words of the prompt
        assert "text-to-image_00001_.png" in name != own.headers["content-disposition"]
        for name in ("content-type", "x-content-type-options"):
            assert given.headers[name] == own.headers[name]
        for wrong in (f"{address}x", f"{address[:-1]}/a.png", f"{app.url}/shared/none"):
            assert requests.get(wrong, headers=ben, timeout=LONGEST_WAIT).status_code == 404

        with_prompt = requests.post(
            f"{link_of}?prompt=true", headers=ann.headers, timeout=LONGEST_WAIT
        ).json()
        assert with_prompt == told | {"prompt": True, "is_new": False}
        assert SECRET in requests.get(address, headers=ben, timeout=LONGEST_WAIT).text
        assert (
            requests.post(link_of, headers=ann.headers, timeout=LONGEST_WAIT).json() == with_prompt
        )
        for other in (1, 99, -1):
            missing = link_of.replace("/files/0/", f"/files/{other}/")
            assert (
                requests.post(missing, headers=ann.headers, timeout=LONGEST_WAIT).status_code == 404
            )
        assert requests.delete(link_of, headers=ann.headers, timeout=LONGEST_WAIT).json() == {
            "stopped": True
        }
        assert (
            requests.get(f"{address}/a.png", headers=ben, timeout=LONGEST_WAIT).status_code == 404
        )
