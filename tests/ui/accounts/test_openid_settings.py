"""Settings for an OpenID provider."""

from __future__ import annotations

from contextlib import closing

import pytest

from ui.accounts.openid_people import person_of
from ui.accounts.openid_store import OpenIDPeople
from ui.settings.arguments import read_settings
from ui.settings.web_settings import permissions_of


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", ""),
        (
            "--openid-issuer http://id.example.org",
            "--openid-issuer: write an https:// address",
        ),
        (
            "--openid-issuer https://u:p@id.example.org",
            "--openid-issuer: write an https:// address",
        ),
        ("--openid-allow anna", "--openid-allow: write *, @example.org, anna@example.org, group:"),
        ("--openid-client=", "--openid-issuer needs --openid-client and --openid-allow."),
        (
            "--openid-issuer=",
            "--openid-client, --openid-allow and --openid-operators need --openid",
        ),
        ("--openid-scopes profile", "--openid-scopes: add openid."),
        ("--openid-secret hush", "argument 7 is not an option."),
        ("--sign-out-address /out", "--sign-out-address needs --user-header."),
    ],
)
def test_a_provider_needs_all_its_settings(
    given: str, sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider needs above all the list of allowed users. The secret appears in no list of
    processes."""
    monkeypatch.setenv("COMFYFORMS_OPENID_SECRET", "hush")
    whole = {
        "issuer": "https://id.example.org/",
        "client": "forms",
        "allow": "@example.org,group:a",
    }
    option, _, value = given.replace("=", " ").partition(" ")
    options = {f"--openid-{name}": one for name, one in whole.items()} | (
        {option: value} if given else {}
    )
    arguments = [word for pair in options.items() for word in pair]
    if sentence:
        with pytest.raises(SystemExit):
            read_settings(arguments)
        told = capsys.readouterr().err
        assert f": {sentence}" in told
        assert "hush" not in told
        return
    openid = read_settings(arguments).openid
    assert openid is not None
    assert (openid.issuer, openid.name) == ("https://id.example.org", "id.example.org")
    assert openid.client_secret == "hush"
    assert "hush" not in repr(openid) + repr(read_settings(arguments))


def test_provider_users_can_be_administrators() -> None:
    """Other users of the provider don't get these permissions. Neither does a user who signs in
    with a password and has an operator's id."""
    settings = read_settings(
        [
            "--openid-issuer",
            "https://id.example.org",
            "--openid-client",
            "forms",
            "--openid-allow",
            "*",
            "--openid-operators",
            "group:staff",
            "--open",
            "operators",
        ]
    )
    assert settings.openid is not None
    with closing(OpenIDPeople(settings.openid)) as people:
        anna, ben = (
            person_of({"sub": sub, "groups": groups}, settings.openid, 0)
            for sub, groups in (("1", ["staff"]), ("2", []))
        )
        people.put(anna)
        people.put(ben)
        permissions = permissions_of(settings, None, people)
        assert permissions.operates(f"openid:{anna.id}")
        assert permissions.open(f"openid:{anna.id}")
        for other in (f"openid:{ben.id}", f"user:{anna.id}", "openid:", "browser:"):
            assert not permissions.operates(other)
            assert not permissions.open(other)
