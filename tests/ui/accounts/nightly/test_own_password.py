"""Change of one's own password on the account page, with wrong guesses."""

from __future__ import annotations

from tests.security.signing_in import signed_in
from tests.support.serving import RunningApp
from tests.ui.accounts.test_own_password import ANNA, NEW, app, change

__all__ = ["app"]  # a fixture


def test_guesses_at_the_current_password_have_to_wait(app: RunningApp) -> None:
    """An unattended browser is no way around the back-off of the sign-in page."""
    with signed_in(app, ANNA) as here:
        answers = [change(app, here, "wrong", NEW) for _ in range(9)]
        assert {answer.status_code for answer in answers} == {422}
        assert any("Too many wrong passwords." in answer.text for answer in answers)
