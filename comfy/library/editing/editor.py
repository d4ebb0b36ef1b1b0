"""Editing of a form's settings by the author of its workflow.

Settings that only an administrator may save, because they name files on the server.

Summaries of what a version of a form's settings changed. Pure.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType

from comfy.base.errors import ComfyError, WorkflowError, WorkflowNotFound
from comfy.base.messages import labeled, listed, message
from comfy.comfyui.object_info import Catalog
from comfy.library.editing.history import History, Version
from comfy.library.editing.inputs import Editable, EditableCache, names_in
from comfy.library.editing.places import (
    FolderPlace,
    PrivatePlace,
    SettingsPlace,
    history_name,
    locked,
    version_of,
)
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.private import MARK as OPENED_MARK
from comfy.prompt.model import InputRef, Prompt, with_inputs
from comfy.runs.input_files import UPLOADS
from comfy.workflow.config import FieldConfig, FormConfig, image_beside
from comfy.workflow.cover import made_cover_name, made_cover_of
from comfy.workflow.model import Workflow
from comfy.workflow.sanitize import fixed_inputs, named_files, written_names
from comfy.workflow.settings import (
    FieldNames,
    field_values,
    form_values,
    merge_settings,
    parsed_settings,
    with_keys,
)

_MOST = 4  # changes in a summary
_LONGEST = 40  # characters of a value
_PARTS = MappingProxyType(
    {
        "title": message("Title"),
        "description": message("Description"),
        "order": message("Position in the list"),
        "cover": message("Cover"),
        "ideas": message("Ideas"),
        "others": message("Other fields"),
        "outputs": message("Results"),
    }
)
_SETTINGS = MappingProxyType(
    {
        "label": message("Name"),
        "help": message("Help text"),
        "group": message("Shown in"),
        "default": message("Default value"),
        "min": message("Minimum"),
        "max": message("Maximum"),
        "step": message("Step"),
        "widget": message("Looks like"),
        "choices": message("Choices"),
        "hidden": message("Hidden"),
        "required": message("Required"),
        "also": message("Also sets"),
        "closest": message("Similar choice"),
    }
)
_UNUSED = 24 * 3600.0  # seconds that a new cover is kept before settings name it


def _check_trust(
    settings: FormConfig, present: FormConfig, workflow: Workflow, catalog: Catalog
) -> None:
    """Raise WorkflowError if a new default names a server file, or a field would also set an input
    that only the author sets. Settings that are `present` already are accepted."""
    prompt = dict(workflow.prompt)
    fixed = fixed_inputs(workflow.prompt, catalog)
    before = {one.name: one for one in present.fields}
    fields: dict[InputRef, FieldConfig] = {}
    for config in settings.fields:
        old = before.get(config.name, FieldConfig(config.name))
        if (config.default, config.also) == (old.default, old.also):
            continue
        for ref in _inputs(config, prompt):
            if config.default is not None or ref.key in config.also:
                fields[ref] = config
            if config.default is not None:
                node = prompt[ref.node]
                prompt[ref.node] = with_inputs(node, node["inputs"] | {ref.input: config.default})
    named = {*named_files(prompt, catalog), *written_names(prompt, catalog, UPLOADS, ())}
    for ref, config in fields.items():
        if ref in fixed or (ref in named and config.default is not None):
            raise WorkflowError(
                message(
                    "“{field}” can't set the name of a file on the server.",
                    field=(config.label or config.name)[:80],
                ),
                message("Ask the administrator."),
            )


def _inputs(config: FieldConfig, prompt: Prompt) -> Iterator[InputRef]:
    for key in (config.name, *config.also):
        node, _, name = key.partition(".")
        if node in prompt and name in prompt[node]["inputs"]:
            yield InputRef(node, name)


def change_summary(before: FormConfig | None, after: FormConfig, labels: Mapping[str, str]) -> str:
    """Return what differs, such as "Title: A → B, Steps (Maximum): 30". `labels`: of fields by
    key."""
    old = before or FormConfig()
    changes = [*_part_changes(old, after), *_field_changes(old, after, labels)]
    changes += _moves(old, after, labels)
    shown = changes if len(changes) <= _MOST else [*changes[: _MOST - 1], "…"]
    return listed(shown)


def _part_changes(old: FormConfig, new: FormConfig) -> Iterator[str]:
    before, after = form_values(old), form_values(new)
    for key, word in _PARTS.items():
        if before.get(key) != after.get(key):
            yield _changed(word, before.get(key), after.get(key))


def _field_changes(old: FormConfig, new: FormConfig, labels: Mapping[str, str]) -> Iterator[str]:
    before = {one.name: one for one in old.fields}
    after = {one.name: one for one in new.fields}
    for key in {**after, **before}:
        one, other = before.get(key), after.get(key)
        first = one or other
        label = (first and first.label) or labels.get(key, key)
        values, others = _values(one), _values(other)
        differing = [name for name in _SETTINGS if values.get(name) != others.get(name)]
        if differing == ["label"]:
            renamed = others.get("label") or labels.get(key, key)
            yield message("{before} → {after}", before=label, after=renamed)
        elif len(differing) == 1:
            name = differing[0]
            word = message("{label} ({detail})", label=label, detail=_SETTINGS[name])
            yield _changed(word, values.get(name), others.get(name))
        elif differing:
            names = listed(_SETTINGS[name] for name in differing)
            yield message("{label} ({detail})", label=label, detail=names)
        elif (one is None) != (other is None):
            yield label


def _moves(old: FormConfig, new: FormConfig, labels: Mapping[str, str]) -> list[str]:
    """Return the fields that an author moved among the others, or one text for several of them."""
    after = {one.name: one.label or labels.get(one.name, one.name) for one in new.fields}
    before = [one.name for one in old.fields if one.name in after]
    names = [one for one in after if one in before]
    blocks = SequenceMatcher(None, before, names, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in before[block.a : block.a + block.size]}
    moved = [after[name] for name in names if name not in kept]
    if len(moved) > 1:
        return [message("Order of the fields")]
    return [message("{label} ({detail})", label=one, detail=message("Moved")) for one in moved]


def _values(field: FieldConfig | None) -> Mapping[str, object]:
    return field_values(field) if field else {}


def _changed(word: str, before: object, after: object) -> str:
    """Return a change with both values if they are short, otherwise only what changed."""
    match _shown(before), _shown(after):
        case None, None:
            return word
        case None, str(new):
            return labeled(word, new) if before is None else word
        case str(old), str(new):
            return labeled(word, message("{before} → {after}", before=old, after=new))
        case _:
            return word


def _shown(value: object) -> str | None:
    match value:
        case bool():
            return message("On") if value else message("Off")
        case int() | float():
            return str(value)
        case str():
            return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        case _:
            return None


class SettingsChanged(ComfyError):
    """The settings were changed since the author's editor read them."""

    def __init__(self) -> None:
        super().__init__(
            message("Someone else has changed this form in the meantime."),
            message("Load their version, or overwrite it with yours."),
        )


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """Settings that only authors see, in the editor. `at`: seconds since 1970; `by`: the name of
    the user who saved it, or ""."""

    settings: FormConfig
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class EditedForm:
    """A form in the editor. `version`: of its settings and the draft, "" without any. `problem`:
    why its TOML file can't be read, or "". `images`: beside the workflow. `original`: the settings
    in the file that came with the workflow, None if it came without one."""

    version: str
    settings: FormConfig
    draft: SavedDraft | None
    original: FormConfig | None
    parts: Editable
    images: tuple[str, ...]
    can_undo: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """A version with a summary of its changes. `is_current`: the form has these settings now."""

    version: Version
    settings: FormConfig
    summary: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class FormEditor:
    """Editor of the forms' settings. `data`: the folder for their histories. Thread-safe.

    Who may add workflows may edit the forms of the folder, and users may edit their own opened
    workflows. All methods raise WorkflowError for others, and ComfyError if a file can't be read or
    written.
    """

    forms: Forms
    folder: WorkflowFolder
    data: Path
    clock: Callable[[], float] = time.time
    _parts_of: EditableCache = field(default_factory=EditableCache)

    def open(self, owner: str, name: str) -> EditedForm:
        """Return a form with everything that can be edited."""
        place = self._place(owner, name)
        workflow, parts = self._parts(owner, name)
        text = place.read()
        history = History.of_json(place.history()).synced(text, 0)
        try:
            settings, problem = parsed_settings(text or "", parts.names), ""
        except tomllib.TOMLDecodeError as error:
            settings, problem = FormConfig(), str(_mistake(error))
        draft, original = history.draft, history.original
        return EditedForm(
            _version(text, history),
            settings,
            SavedDraft(_config(draft.text, parts.names), draft.at, draft.by) if draft else None,
            _config(original.text, parts.names) if original and original.text else None,
            parts,
            tuple(_images_beside(workflow)),
            history.previous is not None,
            problem,
        )

    def preview(self, owner: str, name: str, settings: FormConfig) -> tuple[str, ...]:
        """Remember settings in memory, so that their author's page can draw them. Return the
        problems that the form would have."""
        place = self._place(owner, name)
        settings, _ = self._checked(owner, name, settings, place.read())
        self.forms.drafts.put(owner, name, settings)
        return self.forms.form(name, owner, as_draft=True)[1].problems

    def end_preview(self, owner: str, name: str) -> None:
        """Forget the previewed settings, if there are any."""
        self._place(owner, name)
        self.forms.drafts.drop(owner, name)

    def save_draft(
        self, owner: str, name: str, settings: FormConfig, version: str, by: str, *, force: bool
    ) -> None:
        """Store settings that only authors see, in the editor. Settings like the present ones
        remove the draft. Raises like `save`."""
        place = self._place(owner, name)
        with locked(self.data):
            text, history = self._present(place, None if force else version)
            merged, _, _ = self._merged(owner, name, settings, text, force=force)
            self._write(place, text, history.drafted(merged, self.clock(), by))

    def save(
        self, owner: str, name: str, settings: FormConfig, version: str, by: str, *, force: bool
    ) -> None:
        """Publish settings. If a version of the history has these, its text is written as it was.
        Raises SettingsChanged if `version` isn't the present one, unless `force`d."""
        place = self._place(owner, name)
        with locked(self.data):
            text, history = self._present(place, None if force else version)
            merged, keyed, names = self._merged(owner, name, settings, text, force=force)
            new: str | None = merged
            if merged == (text or ""):
                new = text
            else:
                same = (
                    one for one in reversed(history.versions) if _config(one.text, names) == keyed
                )
                new = next((one.text for one in same), merged)
            if new != text or history.draft:
                self._write(place, new, history.saved(new, self.clock(), by))
        self.forms.drafts.drop(owner, name)

    def revert(self, owner: str, name: str, version: str | None, by: str) -> None:
        """Remove the settings; the form is automatic again. Raises like `save`."""
        self._change(owner, name, version, lambda history: history.saved(None, self.clock(), by))

    def undo(self, owner: str, name: str, version: str | None) -> None:
        """Make the previous version the present one. Raises like `save`."""
        self._change(owner, name, version, History.undone)

    def restore(self, owner: str, name: str, version: str | None, version_id: str, by: str) -> None:
        """Make a version of the history the present one. Raises like `save`."""

        def restored(history: History) -> History:
            known = history.get(version_id)
            if known is None:
                raise WorkflowNotFound(message("This version no longer exists."))
            return history.saved(known.text, self.clock(), by)

        self._change(owner, name, version, restored)

    def versions(self, owner: str, name: str) -> tuple[SavedVersion, ...]:
        """Return the versions, newest first. Of successive versions that a user saved within a few
        minutes, only the last one is listed."""
        place = self._place(owner, name)
        parts = self._parts(owner, name)[1]
        history = self._history(place, place.read())
        labels = {one.key: one.field.label for one in parts.inputs}
        return tuple(
            SavedVersion(
                version,
                _config(version.text, parts.names),
                _summary(version, before, parts.names, labels),
                version.id == history.current,
            )
            for version, before in reversed([*history.changes()])
        )

    def file(self, owner: str, name: str) -> str:
        """Return the TOML text of the settings. Raises WorkflowNotFound without any."""
        text = self._place(owner, name).read()
        if text is None:
            raise WorkflowNotFound(message("This form has no settings yet."))
        return text

    def add_cover(self, owner: str, name: str, image: bytes) -> str:
        """Store a WebP beside a workflow of the folder, and return its file name. It becomes the
        cover when the settings name it."""
        place = self._place(owner, name)
        if not isinstance(place, FolderPlace):
            raise ComfyError(
                message("Only a shared workflow can have a cover."),
                message("Add it to the shared workflows first."),
            )
        file = place.toml.with_name(made_cover_name(place.toml.stem, image))
        place.write_beside(file, image)
        return file.name

    def note_shared(self, owner: str, name: str, shared: str) -> None:
        """Give a workflow that was added to the folder the history of the opened one."""
        # Users who publish a workflow may lack the rights to open files and to edit shared forms.
        history = PrivatePlace(self.forms.opened, owner, name).history()
        place = self._folder_place(shared)
        if history:
            text = place.read()
            place.write(text, History.of_json(history).rewritten(text).to_json())

    def forget(self, name: str) -> None:
        """Forget the history of a workflow that was removed from the folder."""
        (self.data / history_name(name)).unlink(missing_ok=True)

    def _change(
        self, owner: str, name: str, version: str | None, change: Callable[[History], History]
    ) -> None:
        """Publish the present version of a changed history. No `version` skips the check."""
        place = self._place(owner, name)
        with locked(self.data):
            text, history = self._present(place, version)
            history = change(history)
            new = history.present.text if history.present else None
            names = self._parts(owner, name)[1].names
            self._checked(owner, name, _config(new, names), text)
            self._write(place, new, replace(history, draft=None))
        self.forms.drafts.drop(owner, name)

    def _present(self, place: SettingsPlace, version: str | None) -> tuple[str | None, History]:
        """Return the present settings and their history. Raises SettingsChanged if the author has
        seen another `version`; None skips the check."""
        text = place.read()
        history = self._history(place, text)
        if version is not None and _version(text, history) != version:
            raise SettingsChanged
        return text, history

    def _merged(
        self, owner: str, name: str, settings: FormConfig, text: str | None, *, force: bool
    ) -> tuple[str, FormConfig, FieldNames]:
        """Return the present TOML text with these settings, the settings by key, and the names of
        the inputs. `force` replaces a text that can't be read. Raises like `save`."""
        if settings.problems:
            raise WorkflowError(settings.problems[0])
        keyed, names = self._checked(owner, name, settings, text)
        try:
            return merge_settings(text or "", keyed, names), keyed, names
        except tomllib.TOMLDecodeError as error:
            if not force:
                raise _mistake(error) from error
            return merge_settings("", keyed, names), keyed, names

    def _write(self, place: SettingsPlace, text: str | None, history: History) -> None:
        """Write settings and their history, and remove covers that no version uses."""
        place.write(text, history.to_json())
        if isinstance(place, FolderPlace):
            drafts = (history.draft,) if history.draft else ()
            used = "".join(one.text or "" for one in (*history.versions, *drafts))
            place.remove_old(
                lambda file: made_cover_of(file) == place.toml.stem and file.name not in used,
                self.clock() - _UNUSED,
            )

    def _checked(
        self, owner: str, name: str, settings: FormConfig, text: str | None
    ) -> tuple[FormConfig, FieldNames]:
        """Return new settings by key, and the names of the inputs. `text`: the present settings.
        Raises WorkflowError if this user isn't trusted with the new ones."""
        workflow, catalog = self.forms.adapted(name, owner)
        names = names_in(workflow, catalog)
        keyed = with_keys(settings, names)
        if not self.forms.permissions.trusts(owner):
            _check_trust(keyed, _config(text, names), workflow, catalog)
        return keyed, names

    def _history(self, place: SettingsPlace, text: str | None) -> History:
        return History.of_json(place.history()).synced(text, self.clock())

    def _place(self, owner: str, name: str) -> SettingsPlace:
        """Return where the settings of a workflow are. Raises WorkflowError if this user may not
        edit them."""
        if name.startswith(OPENED_MARK):
            self.forms.permissions.check_open(owner)
            self.forms.opened.get(owner, name)
            return PrivatePlace(self.forms.opened, owner, name)
        self.forms.permissions.check_shape(owner, name)
        return self._folder_place(name)

    def _folder_place(self, name: str) -> FolderPlace:
        path = self.folder.get(name).path
        assert path is not None
        return FolderPlace(path.with_suffix(".toml"), self.data / history_name(name))

    def _parts(self, owner: str, name: str) -> tuple[Workflow, Editable]:
        workflow, catalog = self.forms.adapted(name, owner)
        is_free = self.forms.permissions.edits(owner)
        return workflow, self._parts_of.get(workflow, catalog, is_free=is_free)


def _version(text: str | None, history: History) -> str:
    return version_of(text, history.draft.text if history.draft else None)


def _summary(
    version: Version, before: Version | None, names: FieldNames, labels: Mapping[str, str]
) -> str:
    if before is None and not version.is_saved:
        return message("Original")
    if version.text is None:
        return message("Automatic form")
    old = _config(before.text, names) if before else None
    summary = change_summary(old, _config(version.text, names), labels)
    return summary if version.is_saved else message("Changed by hand: {what}", what=summary)


def _mistake(error: tomllib.TOMLDecodeError) -> ComfyError:
    return ComfyError(
        message("The form's TOML file has a mistake: {why}.", why=str(error)),
        message("Correct the file, or overwrite it with your settings."),
    )


def _config(text: str | None, names: FieldNames) -> FormConfig:
    """Return the settings in a TOML text; for a text that can't be read, only a problem."""
    try:
        return parsed_settings(text or "", names)
    except tomllib.TOMLDecodeError as error:
        return FormConfig(problems=(str(_mistake(error)),))


def _images_beside(workflow: Workflow) -> list[str]:
    """Return the names of the images in the workflow's folder that its cover may be."""
    if workflow.path is None:
        return []
    own = (None, workflow.path.stem)
    return sorted(
        one.name
        for one in workflow.path.parent.iterdir()
        if image_beside(one.name) and made_cover_of(one) in own and one.is_file()
    )
