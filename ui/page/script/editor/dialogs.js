// @ts-check
// The editor's questions: unsaved changes, changes by another author, and earlier versions.

import { $, button, dialog, element, showDialog } from "../dom.js";
import { LANGUAGE, message } from "../messages.js";
import { ask } from "../requests.js";
import { editorPath } from "./editing.js";

/** @import { FormVersion } from "../documents.js" */
/** @import { Settings } from "./model.js" */

/** @typedef {{ label: string, does: () => void, isPrimary?: boolean }} Answer */

/**
 * Ask a question with several answers. Esc and each answer close it.
 * @param {string} question
 * @param {HTMLElement} content
 * @param {readonly Answer[]} answers the last one gets the focus
 */
function choose(question, content, answers) {
  const place = dialog("confirm", question);
  const buttons = answers.map(({ label, does, isPrimary }) =>
    button(
      label,
      () => {
        place.hidePopover();
        does();
      },
      isPrimary ? "button primary" : "button",
    ),
  );
  const last = element("div", "row last", ...buttons);
  place.append(content, last);
  showDialog(place, buttons.at(-1) ?? $("button", place));
  return place;
}

/** @param {{ label: string, save: () => void, discard: () => void }} events */
export const askUnsaved = ({ label, save, discard }) =>
  choose(
    message("Save your changes?"),
    element("p", "", message("Unsaved changes are lost otherwise.")),
    [
      { label: message("Keep editing"), does: () => {} },
      { label: message("Discard"), does: discard },
      { label, does: save, isPrimary: true },
    ],
  );

/**
 * Ask what to do if the form was changed elsewhere since it was opened.
 * @param {string} about
 * @param {{ load: () => void, overwrite: () => void }} events
 */
export const askConflict = (about, { load, overwrite }) =>
  choose(message("The form was changed in the meantime"), element("p", "", about), [
    { label: message("Keep editing"), does: () => {} },
    { label: message("Overwrite with mine"), does: overwrite },
    { label: message("Load the other changes"), does: load },
  ]);

/**
 * Show the earlier versions of a form, to load one into the editor.
 * @param {string} name
 * @param {(settings: Settings) => void} restore
 */
export async function showVersions(name, restore) {
  /** @type {(FormVersion & { settings: Settings })[] | null} */
  const versions = await ask(`${editorPath(name)}/history`, undefined, "GET");
  if (!versions) return;
  const list = element("ul");
  for (const { at, by, summary, is_current: isCurrent, settings } of versions) {
    const line = element("li", "in-line apart");
    const words = element("div");
    const when = exactly(at);
    words.append(
      element("strong", "", summary),
      element("p", "hint aside", [when, by].filter(Boolean).join(" · ")),
    );
    const load = button(message("Restore"), () => {
      place.hidePopover();
      restore(settings);
    });
    load.setAttribute("aria-label", message("Restore the version of {when}", { when }));
    line.append(words, isCurrent ? element("span", "hint aside", message("Current")) : load);
    list.append(line);
  }
  const none = element("p", "", message("Each version that you publish is kept here."));
  const place = choose(message("Versions"), versions.length ? list : none, []);
  place.classList.add("versions");
}

/**
 * Format a time to the second.
 * @param {number} seconds since 1970
 */
const exactly = (seconds) =>
  new Date(seconds * 1000).toLocaleString(LANGUAGE, { dateStyle: "medium", timeStyle: "medium" });
