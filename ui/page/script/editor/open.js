// @ts-check
// The form editor, which opens beside the form.

import { $, isNarrow } from "../dom.js";
import { request } from "../requests.js";
import { page, say } from "../state.js";
import { editedBefore, editorPath, keptDraft, setEdited } from "./editing.js";

/** @import { FormEditor } from "./editor.js" */

/** `isLeft`: the editor has closed, and the form isn't redrawn yet. @type {{ editor: FormEditor | null, isOpening: boolean, isLeft: boolean }} */
const open = { editor: null, isOpening: false, isLeft: false };

/**
 * Show in the form's menu whether there are unsaved changes. Opens the editor at once if it was open before a reload.
 * @param {HTMLElement} place of the menu
 * @param {string} name of the workflow
 */
export function mountEdit(place, name) {
  const opener = $("button", place);
  // Redrawing the form has removed the button that got the focus.
  if (open.isLeft && document.activeElement === document.body)
    opener?.focus({ preventScroll: true });
  open.isLeft = false;
  place.classList.toggle("has-draft", keptDraft(name) !== null);
  if (open.editor && open.editor.name !== name) open.editor.leave();
  else if (!open.editor && editedBefore() === name) openEditor(name);
}

/** @param {string} name of the workflow */
export async function openEditor(name) {
  if (open.editor || open.isOpening) return;
  open.isOpening = true;
  const [module, { told, why, hint }] = await Promise.all([
    import("./editor.js"),
    request(editorPath(name), undefined, "GET"),
  ]);
  open.isOpening = false;
  if (!told) {
    setEdited("");
    say(why, hint);
    return;
  }
  setEdited(name);
  const editor = new module.FormEditor(name, told, closed);
  open.editor = editor;
  $("#columns")?.classList.add("editing");
  $("#columns")?.append(editor.place);
  $("h2", editor.place)?.focus({ preventScroll: true });
  if (!isNarrow()) scrollTo(0, 0);
}

function closed() {
  open.editor = null;
  setEdited("");
  $("#columns")?.classList.remove("editing");
  const opener = $("#form-menu button");
  open.isLeft = true;
  opener?.focus({ preventScroll: true });
}

// Leave the editor if the form on the page isn't the edited one anymore.
page.subscribe(({ form, formless }) => {
  if (open.editor && (formless || form !== open.editor.name)) open.editor.leave();
});
