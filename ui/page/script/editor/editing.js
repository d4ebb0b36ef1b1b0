// @ts-check
// Which form is being edited in this tab, and the unsaved settings that the browser keeps.

import { userName } from "../gradio.js";
import { message } from "../messages.js";
import { API } from "../requests.js";
import { page } from "../state.js";
import { EDITED, EDITING, read, write } from "../storage.js";

/** @import { PageState } from "../state.js" */
/** @import { Settings } from "./model.js" */

/**
 * Unsaved settings, and the version of the file that they change.
 * @typedef {{ version: string, settings: Settings }} KeptDraft
 */

const OFF = message("Close the form editor to generate.");

/**
 * Return whether a form is being edited in this tab.
 * @param {string | null} name of a workflow
 */
export const isEdited = (name) => Boolean(name) && name === page.now.editing;

/**
 * Set which form is being edited, also for a reload of this tab.
 * @param {string} name "" for none
 */
export function setEdited(name) {
  write(sessionStorage, EDITING, name);
  page.set({ editing: name });
}

/** Return the workflow whose form was being edited before a reload. */
export const editedBefore = () => String(read(sessionStorage, EDITING, ""));

/**
 * Return why the form can't run, "" if it can. While it is edited, the server would use the saved form.
 * @param {PageState} state
 */
export const whyOff = ({ blocked, form }) => blocked || (isEdited(form) ? OFF : "");

/**
 * Return whether a workflow is private to its user. Python's name: `comfy/library/private.py::MARK`.
 * @param {string} name
 */
export const isPrivate = (name) => name.startsWith("~");

/** @param {string} name of a workflow */
export const editorPath = (name) => `${API}/workflows/${encodeURIComponent(name)}/editor`;

/** @param {string} name */
const keyOf = (name) => EDITED + [userName(), name].filter(Boolean).join("/");

/** @param {string} name @returns {KeptDraft | null} */
export const keptDraft = (name) => read(localStorage, keyOf(name), null);

/**
 * Keep unsaved settings in the browser.
 * @param {string} name
 * @param {KeptDraft | null} draft null removes them
 */
export function keepDraft(name, draft) {
  if (draft) write(localStorage, keyOf(name), draft);
  else
    try {
      localStorage.removeItem(keyOf(name));
    } catch {
      // Private windows may have no storage.
    }
}
