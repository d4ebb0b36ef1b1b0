"""*Rewrite prompt*, for administrators who named a language model."""

from __future__ import annotations

from playwright.sync_api import expect

from comfyforms.plugins.prompt_rewriting.tests.chat_server import chat_server
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visit
from ui.settings.web_settings import WebSettings


def test_a_prompt_is_rewritten_and_taken_back(visit: Visit) -> None:
    """The text stays editable, Undo brings the earlier one back, and errors are at the field."""
    with chat_server() as model:
        settings = WebSettings(port=0, of_plugins=model.settings())
        with running_demo_app(step_seconds=0, settings=settings) as (demo, app):
            person = visit(Site(app.url, demo, app)).open(**{"2.text": "a cat"})
            field = person.page.locator("#field-2-text")
            rewrite = field.get_by_role("button", name="Rewrite prompt")
            box = field.get_by_role("textbox")
            rewrite.click()
            expect(box).to_have_value("a large cat")
            replaced = person.page.locator("#replaced")
            expect(replaced).to_contain_text("Text replaced.")
            replaced.get_by_role("button", name="Undo").click()
            expect(box).to_have_value("a cat")
            rewrite.click()
            expect(box).to_have_value("a large cat")
            box.press("End")
            box.type("!")
            expect(replaced).to_be_visible()  # until the first change after a run
            model.status = 500
            rewrite.click()
            expect(field.locator(".field-error")).to_contain_text("couldn't be rewritten")
            expect(box).to_have_value("a large cat!")
            person.forgive("409")  # said at the field
