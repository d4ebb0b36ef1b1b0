"""Links to results over HTTP: their owners and their contents."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
import requests
from PIL import Image

from comfy.records.sharing import SharedFile
from tests.attacks.people import SECRET, a_run, browser, person
from tests.support.samples.media import every_container
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


def test_a_shared_link_reveals_only_its_file() -> None:
    """The file comes without metadata, with the same type headers as for its owner, and browsers
    don't store it. The link reveals nothing about the run, its owner or its values. Other users
    can't create, change or delete the link. With the prompt shared, the file comes unchanged."""
    with running_demo_app(step_seconds=0) as (_, app):
        ann, ben = person(app), {"Cookie": browser(app)}
        link_of = f"{app.url}/api/v1/link?file={ann.owned.run}/0"
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
                method, f"{link_of}&prompt=true", headers=ben, timeout=LONGEST_WAIT
            )
            assert foreign.status_code == 404
        evil = ann.headers | {"Origin": "https://evil.example"}
        assert requests.delete(link_of, headers=evil, timeout=LONGEST_WAIT).status_code == 401

        page = requests.get(address, headers=ben, timeout=LONGEST_WAIT)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        for secret in (SECRET, ann.owned.run, "steps"):
            assert secret not in page.text.partition("</style>")[2]
        own = requests.get(
            f"{app.url}/files/{ann.owned.run}/0/a.png", headers=ann.headers, timeout=LONGEST_WAIT
        )
        given = requests.get(f"{address}/0/a.png", headers=ben, timeout=LONGEST_WAIT)
        assert SECRET.encode() in own.content
        assert b"prompt" in own.content
        for word in (SECRET.encode(), b"prompt", b"workflow", b"KSampler"):
            assert word not in given.content
        assert pixels(given.content) == pixels(own.content)
        assert given.headers["etag"] != own.headers["etag"]
        assert given.headers["cache-control"] == "private, no-store"
        name = given.headers["content-disposition"]  # the owner's has words of the prompt
        assert "Text-to-image.png" in name != own.headers["content-disposition"]
        for name in ("content-type", "x-content-type-options"):
            assert given.headers[name] == own.headers[name]
        for wrong in (f"{address}x", f"{address[:-1]}/0/a.png", f"{address}/1/a.png"):
            assert requests.get(wrong, headers=ben, timeout=LONGEST_WAIT).status_code == 404

        with_prompt = requests.post(
            f"{link_of}&prompt=true", headers=ann.headers, timeout=LONGEST_WAIT
        ).json()
        assert with_prompt == told | {"prompt": True, "is_new": False}
        assert SECRET in requests.get(address, headers=ben, timeout=LONGEST_WAIT).text
        whole = requests.get(f"{address}/0/a.png", headers=ben, timeout=LONGEST_WAIT)
        assert whole.content == own.content
        assert (
            requests.post(link_of, headers=ann.headers, timeout=LONGEST_WAIT).json() == with_prompt
        )
        for other in ("1", "99", "-1", "0x1", "²", ""):
            missing = f"{link_of[:-1]}{other}"
            assert (
                requests.post(missing, headers=ann.headers, timeout=LONGEST_WAIT).status_code == 404
            )
        assert requests.delete(link_of, headers=ann.headers, timeout=LONGEST_WAIT).ok
        assert (
            requests.get(f"{address}/0/a.png", headers=ben, timeout=LONGEST_WAIT).status_code == 404
        )


def test_a_link_to_several_results_leaves_out_revoked_ones() -> None:
    """Its token is as short as any. Without the prompts, neither the page, the files, the ZIP nor
    the settings reveal them; with them, all do. A revoked result is left out everywhere; without
    any, the link is dead. Other users can't read the state of a link or add results to it."""
    with running_demo_app(step_seconds=0) as (_, app):
        ann, ben = person(app), {"Cookie": browser(app)}
        api = f"{app.url}/api/v1"
        second = a_run(app, ann.headers["Cookie"])
        link = f"{api}/link?file={ann.owned.run}/0&file={second}/0"

        def get(address: str) -> requests.Response:
            return requests.get(address, headers=ben, timeout=LONGEST_WAIT)

        def own(method: str, address: str) -> requests.Response:
            return requests.request(method, address, headers=ann.headers, timeout=LONGEST_WAIT)

        before = own("GET", link).json()
        assert (before["address"], before["is_new"], before["others"]) == ("", True, 0)
        foreign = f"{api}/link?file={a_run(app, ben['Cookie'])}/0&file={second}/0"
        for method in ("GET", "POST"):
            for address in (link, foreign):
                asked = requests.request(method, address, headers=ben, timeout=LONGEST_WAIT)
                assert asked.status_code == 404
        told = own("POST", link).json()
        assert own("GET", link).json() == told | {"is_new": False}
        several = app.url + told["address"]
        token = told["address"].rpartition("/")[2]
        assert len(token) == 32
        assert own("GET", f"{api}/link?file={second}/0").json()["others"] == 1

        page = get(several)
        assert page.headers["cache-control"] == "no-store"
        assert page.text.count("<figure>") == 2
        for secret in (SECRET, ann.owned.run, second, "steps", "./?shared="):
            assert secret not in page.text.partition("</style>")[2]
        names, contents = zipped(get(f"{several}/all.zip"))
        assert names == ["001-Text-to-image.png", "002-Text-to-image.png"]
        assert SECRET.encode() not in b"".join(contents)
        assert get(f"{api}/shared/{token}/0/values").status_code == 404

        assert own("POST", f"{link}&prompt=true").json()["address"] == told["address"]
        page = get(several)
        # The title and the prompt are the same for both.
        assert page.text.count('class="prompt"') == page.text.count("<h1>") == 1
        assert page.text.count("./?shared=") == 2
        names, contents = zipped(get(f"{several}/all.zip"))
        assert all(SECRET.encode() in content for content in contents)
        values = get(f"{api}/shared/{token}/1/values").json()
        assert values["workflow"] == "text-to-image"
        assert values["values"]

        assert own("DELETE", f"{api}/link?file={second}/0").ok
        for gone in (f"{api}/shared/{token}/1/values", f"{several}/1/a.png"):
            assert get(gone).status_code == 404
        assert len(zipped(get(f"{several}/all.zip"))[0]) == 1
        assert get(several).text.count("<figure>") == 1
        assert own("DELETE", f"{api}/link?file={ann.owned.run}/0").ok
        for gone in (several, f"{several}/all.zip", f"{several}/0/a.png"):
            assert get(gone).status_code == 404


def zipped(answer: requests.Response) -> tuple[list[str], list[bytes]]:
    """Return the names and contents of a ZIP, which browsers don't store."""
    assert answer.headers["cache-control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return archive.namelist(), [archive.read(name) for name in archive.namelist()]


def test_a_shared_page_previews_only_what_it_shows() -> None:
    """The preview for chats has the picture and the workflow's title. A chat's server, which has no
    cookie, gets both. Only with the prompt shared, the page has the settings and the preview the
    prompt."""
    with running_demo_app(step_seconds=0) as (_, app):
        ann = person(app)
        link = f"{app.url}/api/v1/link?file={ann.owned.run}/0"

        def share(prompt: str) -> str:
            asked = f"{link}&prompt={prompt}"
            answer = requests.post(asked, headers=ann.headers, timeout=LONGEST_WAIT)
            return requests.get(app.url + answer.json()["address"], timeout=LONGEST_WAIT).text

        page = share("false")
        tags = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page))
        assert tags["og:title"] == tags["twitter:title"] == "Text to image"
        assert tags["og:description"] == "Made with ComfyForms."
        image = requests.get(tags["og:image"], timeout=LONGEST_WAIT)
        assert image.headers["content-type"] == tags["og:image:type"] == "image/png"
        with Image.open(io.BytesIO(image.content)) as shown:
            width, height = shown.size
        assert (tags["og:image:width"], tags["og:image:height"]) == (f"{width}", f"{height}")
        assert SECRET.encode() not in image.content
        assert 'class="facts ' not in page
        assert "Negative prompt" not in page

        page = share("true")
        facts = re.search(r'class="facts[^"]*">(.+?)</p>', page)
        assert facts is not None
        words = re.sub(r"</?span>", "", facts[1])
        assert re.fullmatch(rf"{width} × {height} · Seed \d+ · Steps \d+ · [\w.-]+", words), words
        assert f'og:description" content="{SECRET}' in page


def test_a_range_of_a_stripped_file() -> None:
    """A player gets any range of a file that the app sends without metadata, as HTTP specifies."""
    with running_demo_app(step_seconds=0) as (_, app):
        headers = {"Cookie": browser(app)}
        link = f"{app.url}/api/v1/link?file={a_run(app, headers['Cookie'])}/0"
        address = requests.post(link, headers=headers, timeout=LONGEST_WAIT).json()["address"]

        def get(**asked: str) -> requests.Response:
            names = {name.replace("_", "-"): value for name, value in asked.items()}
            return requests.get(
                f"{app.url}{address}/0/a.png", headers=headers | names, timeout=LONGEST_WAIT
            )

        whole = get()
        size, etag = len(whole.content), whole.headers["etag"]
        assert whole.headers["accept-ranges"] == "bytes"
        for asked, start, end in (
            ("bytes=0-", 0, size),
            ("bytes=5-20", 5, 21),
            (f"bytes=8-{size * 2}", 8, size),
            ("bytes=-9", size - 9, size),
        ):
            for condition in ({}, {"if_range": etag}):
                part = get(range=asked, **condition)
                assert part.status_code == 206
                assert part.content == whole.content[start:end]
                assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        for asked in ("bytes=0-1,4-5", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=x"):
            assert get(range=asked).content == whole.content
        assert get(range="bytes=0-3", if_range='"another"').content == whole.content
        for asked in (f"bytes={size}-", "bytes=-0"):
            beyond = get(range=asked)
            assert beyond.status_code == 416
            assert beyond.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize("kind", ["tiff", "svg", "cut"])
def test_shares_other_kinds_with_their_prompt_only(kind: str) -> None:
    """If the app can't remove a file's metadata, it creates a link only with the prompt shared. An
    older link without the prompt shows no file."""
    with running_demo_app(step_seconds=0) as (_, app):
        headers = {"Cookie": browser(app)}
        run = a_run(app, headers["Cookie"])
        keep_instead(app, every_container().get(kind, every_container()["png"][:-20]))
        link = f"{app.url}/api/v1/link?file={run}/0"

        def ask(query: str = "") -> requests.Response:
            return requests.post(link + query, headers=headers, timeout=LONGEST_WAIT)

        told = ask().json()
        assert told == {
            "address": "",
            "prompt": False,
            "has_prompt": True,
            "is_new": True,
            "can_strip": False,
            "others": 0,
            "needs_sign_in": False,
        }
        assert ask("&prompt=false").status_code == 409
        assert requests.delete(link, headers=headers, timeout=LONGEST_WAIT).status_code == 404
        address = app.url + ask("&prompt=true").json()["address"]
        assert requests.get(f"{address}/0/a", headers=headers, timeout=LONGEST_WAIT).ok
        assert ask("&prompt=false").status_code == 409
        assert SECRET in requests.get(address, headers=headers, timeout=LONGEST_WAIT).text

        history = app.runs.history
        (found,) = history.shared.find(address.rpartition("/")[2])
        history.shared.share(found.record.owner, [SharedFile(run, 0)])
        refused = requests.get(f"{address}/0/a", headers=headers, timeout=LONGEST_WAIT)
        assert refused.status_code == 409
        assert refused.json()["detail"] == "This kind of file can't be shared without its prompt."
        page = requests.get(address, headers=headers, timeout=LONGEST_WAIT)
        assert "Ask its owner to share the prompt, too." in page.text
        assert "download=" not in page.text


def keep_instead(app: RunningApp, data: bytes) -> None:
    """Overwrite kept results with other bytes."""
    for path in (app.data / "files").rglob("*"):
        if path.is_file() and SECRET.encode() in path.read_bytes():
            path.write_bytes(data)
