// @ts-check
// Users' own workflows: opening one from a file, sharing it with all users, and removing it.

import { confirm } from "../confirm.js";
import { $, announce, element } from "../dom.js";
import { formDialog } from "../form_dialog.js";
import { message } from "../messages.js";
import { API, ask, json, request } from "../requests.js";
import { menuButton } from "../results/pop_menu.js";
import { say } from "../state.js";
import { RECENT, read, write } from "../storage.js";
import { expectGone, visit, visitLast, visitWith } from "./form.js";
import { typed } from "./typed.js";

/** @import { OpenedFile } from "../documents.js" */
/** @import { EditorDoc } from "../editor/model.js" */
/** @import { Offer } from "../state.js" */

const LONGEST = 100; // characters of a title

/** Return whether this user may open workflows. Only then does the page have the button. */
export const mayOpen = () => Boolean($("#open button"));

/**
 * Open the workflow, the grid or the preset in a file.
 * @param {Blob} file
 * @param {string} name
 * @param {readonly Offer[]} [offers] what else the user can do with a file without a workflow
 * @param {number} [count] the number of files given, including this one
 */
export async function openWorkflow(file, name, offers = [], count = 1) {
  const { openGrid } = await import("../grids/opened_grid.js");
  const { openPreset } = await import("../components/preset_files.js");
  if ((await openGrid(file)) || (await openPreset(file))) return;
  /** @type {OpenedFile | null} */
  const opened = await ask(pathFor(name), file, "POST", offers);
  if (!opened) return;
  show(opened);
  // This isn't a refusal, which would disappear as soon as the form is filled in.
  if (count > 1) say(message("Only the first of {count} files was opened.", { count }), "", "");
}

/**
 * Open the workflow in a file that may have none.
 * @param {Blob} file
 * @param {string} name
 * @param {() => void} otherwise called if it has none
 */
export async function tryToOpen(file, name, otherwise) {
  const { told: opened } = await request(pathFor(name), file);
  if (opened) show(opened);
  else otherwise();
}

/** @param {OpenedFile} opened */
function show({ name, values, missing }) {
  if (values) visitWith(name, values, "reuse");
  else visit(name);
  if (missing.length)
    say(
      message("The source files of this result are missing."),
      message("Add them again: {fields}.", { fields: missing.join(", ") }),
      "",
    );
}

/** @param {string} name of a file */
const pathFor = (name) => `${API}/workflows?file=${encodeURIComponent(name)}`;

/**
 * Add a badge with a menu beside the title of a workflow that the user has opened, or may remove for everyone.
 * @param {HTMLElement} place
 * @param {string} name
 * @param {string} title
 * @param {boolean} isOwn whether only this user has it
 * @param {string} readers who could use it if this user shares it, "" if they may not
 * @param {string} about the text of the confirmation dialog for removing it
 */
export function mountSharing(place, name, title, isOwn, readers, about) {
  const path = `${API}/workflows/${encodeURIComponent(name)}`;
  const share = async (/** @type {string} */ wanted) => {
    if (wanted !== title && !(await rename(path, wanted))) return;
    /** @type {{ name: string } | null} */
    const kept = await ask(`${path}/keep`);
    if (!kept) return;
    forget(name);
    visitWith(kept.name, typed(name));
  };
  const remove = () => {
    const asked = isOwn
      ? message("Remove “{title}”?", { title })
      : message("Remove “{title}” for everyone?", { title });
    confirm(asked, about, message("Remove"), async () => {
      expectGone(name);
      if (!(await ask(path, undefined, "DELETE"))) {
        expectGone("");
        return;
      }
      forget(name);
      visitLast();
      announce(message("Removed: {name}", { name: title }));
    });
  };
  const words = isOwn ? message("Private") : message("Shared");
  const adding = {
    label: message("Add to shared workflows"),
    does: () => askToShare(title, readers, share),
  };
  const removing = { label: message("Remove…"), does: remove };
  const entries = readers ? [adding, removing] : [removing];
  const badge = menuButton(words, words, entries, "quiet", "", name);
  const opener = $("button", badge);
  badge.id = isOwn ? "opened-here" : "added-here";
  if (isOwn && opener)
    opener.title = message("Only you can see this workflow. Links to it only work for you.");
  $("h1", place)?.after(badge);
}

/**
 * Ask for the title of a workflow to share, and say whether it can run here.
 * @param {string} title
 * @param {string} readers who can use it then
 * @param {(title: string) => void} share
 */
function askToShare(title, readers, share) {
  const box = Object.assign(element("input"), { maxLength: LONGEST, value: title });
  box.ariaLabel = message("Title");
  const content = [element("p", "", readers)];
  const lacking = $("#missing .missing > p")?.textContent;
  if (lacking) content.push(element("p", "said", lacking));
  const add = () => {
    place.hidePopover();
    share(box.value.trim() || title);
  };
  const asked = message("Add to the shared workflows?");
  const fields = [...content, element("div", "row", box)];
  const place = formDialog("confirm", asked, fields, message("Add"), add);
  box.select();
}

/**
 * Set the title of a form.
 * @param {string} path of its workflow in the API
 * @param {string} title
 * @returns {Promise<boolean>} whether it worked; if not, the error is already shown
 */
async function rename(path, title) {
  /** @type {EditorDoc | null} */
  const doc = await ask(`${path}/editor`, undefined, "GET");
  if (!doc) return false;
  const body = json({ version: doc.version, settings: { ...doc.settings, title } });
  return Boolean(await ask(`${path}/editor`, body, "PUT"));
}

/**
 * Remove a workflow that is no longer listed from the recently used ones.
 * @param {string} name
 */
function forget(name) {
  /** @type {string[]} */
  const recent = read(localStorage, RECENT, []);
  write(
    localStorage,
    RECENT,
    recent.filter((one) => one !== name),
  );
}
