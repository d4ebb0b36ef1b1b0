"""The form editor: settings of a form, drafts and versions."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Depends, Response

from comfy.base.files import plain_name
from comfy.base.messages import message
from comfy.library.editing.editor import FormEditor
from comfy.library.private import MARK as OPENED_MARK
from ui.api.form_editor.documents import (
    config_from,
    editor_doc,
    editor_json,
    version_doc,
    version_json,
)
from ui.api.form_editor.result_image import result_image
from ui.api.problems import NotThere
from ui.documents.editor_doc import CoverDoc, DraftProblems, EditorDoc, FormSettings, FormVersion
from ui.files.copies import FileCopies
from ui.files.result_files import as_file
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import NO_STORE, AsciiJSON
from ui.web.shares import Work


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Settings to save. `version`: as the editor read it; `overwrite`: save even if the settings
    were changed since."""

    settings: FormSettings
    version: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class PreviewedSettings:
    """Settings that aren't saved yet."""

    settings: FormSettings


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """The version of the settings as the editor read it, null to change any version."""

    version: str | None = None


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """A result: the id of its run, and its index among the run's files."""

    run: str
    index: int = 0


def form_editor_api(
    editor: FormEditor, library: WorkflowLibrary, copies: FileCopies, identity: Identity
) -> GuardedRoutes:
    """Return the routes below `/workflows/{name}/editor`."""
    routes = GuardedRoutes(tags=["Form editor"])

    def editable(name: str) -> str:
        """Return the name of the path if it isn't a chain's (route dependency)."""
        if library.is_chain(name):
            raise NotThere(message("Chains can't be edited here."))
        return name

    def opened(owner: str, name: str) -> AsciiJSON:
        return AsciiJSON(
            editor_json(editor_doc(editor.open(owner, name), library.form(name, owner)))
        )

    @routes.get(
        "/workflows/{name:path}/editor",
        Access.OWNER,
        work=Work.PROCESSOR,
        response_model=EditorDoc,
    )
    def get(name: str = Depends(editable), owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the settings of a form, and everything that can be edited."""
        return opened(owner, name)

    @routes.put("/workflows/{name:path}/editor", Access.OWNER, response_model=EditorDoc)
    def save(
        given: NewSettings,
        name: str = Depends(editable),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Publish the settings of a form for all its users. Its draft is gone."""
        settings = config_from(given.settings)
        editor.save(
            owner, name, settings, given.version, identity.name_of(owner), force=given.overwrite
        )
        return opened(owner, name)

    @routes.put("/workflows/{name:path}/editor/draft", Access.OWNER, response_model=EditorDoc)
    def save_draft(
        given: NewSettings,
        name: str = Depends(editable),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Save settings as a draft, which only authors see.

        The published settings remove the draft.
        """
        settings = config_from(given.settings)
        editor.save_draft(
            owner, name, settings, given.version, identity.name_of(owner), force=given.overwrite
        )
        return opened(owner, name)

    @routes.post("/workflows/{name:path}/editor/draft", Access.OWNER, response_model=DraftProblems)
    def preview(
        given: PreviewedSettings,
        name: str = Depends(editable),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Remember settings for a while without saving them, so that your page can draw them."""
        return AsciiJSON(DraftProblems(editor.preview(owner, name, config_from(given.settings))))

    @routes.delete("/workflows/{name:path}/editor/draft", Access.OWNER, status_code=204)
    def end_preview(
        name: str = Depends(editable), owner: str = Depends(identity.caller)
    ) -> Response:
        """Forget previewed settings. A saved draft stays."""
        editor.end_preview(owner, name)
        return Response(status_code=204)

    @routes.post("/workflows/{name:path}/editor/undo", Access.OWNER, response_model=EditorDoc)
    def undo(
        given: SeenVersion, name: str = Depends(editable), owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """Take back the last change of a form's settings. Repeat it to go further back."""
        editor.undo(owner, name, given.version)
        return opened(owner, name)

    @routes.post("/workflows/{name:path}/editor/revert", Access.OWNER, response_model=EditorDoc)
    def revert(
        given: SeenVersion, name: str = Depends(editable), owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """Remove the settings of a form.

        It is automatic again. The settings stay in its history.
        """
        editor.revert(owner, name, given.version, identity.name_of(owner))
        return opened(owner, name)

    @routes.get(
        "/workflows/{name:path}/editor/history",
        Access.OWNER,
        work=Work.PROCESSOR,
        response_model=list[FormVersion],
    )
    def history(name: str = Depends(editable), owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the last versions of a form's settings, newest first."""
        return AsciiJSON([version_json(version_doc(one)) for one in editor.versions(owner, name)])

    @routes.post(
        "/workflows/{name:path}/editor/history/{version_id}",
        Access.OWNER,
        response_model=EditorDoc,
    )
    def restore(
        version_id: str,
        given: SeenVersion,
        name: str = Depends(editable),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Restore a version of a form's settings."""
        editor.restore(owner, name, given.version, version_id, identity.name_of(owner))
        return opened(owner, name)

    @routes.get("/workflows/{name:path}/editor/file", Access.OWNER, response_class=Response)
    def file(name: str = Depends(editable), owner: str = Depends(identity.caller)) -> Response:
        """Download the TOML file with a form's settings."""
        title = plain_name(name.rpartition("/")[2].removeprefix(OPENED_MARK))
        return Response(
            editor.file(owner, name).encode(),
            media_type="application/toml",
            headers=NO_STORE | as_file(f"{title}.toml"),
        )

    @routes.put("/workflows/{name:path}/editor/cover", Access.OWNER, response_model=CoverDoc)
    def cover(
        given: ResultPlace,
        name: str = Depends(editable),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Copy an image from your results beside a workflow, as WebP of at most 1024 pixels.

        It becomes the cover when the settings name it.
        """
        image = result_image(copies, owner, given.run, given.index)
        return AsciiJSON(CoverDoc(editor.add_cover(owner, name, image)))

    return routes
