// @ts-check
// Workflows that people bring: they open for them alone, are given to everybody, and go again.

import { confirm } from "../confirm.js";
import { $, announce } from "../dom.js";
import { openGrid } from "../grids/opened_grid.js";
import { message } from "../messages.js";
import { API, ask, request } from "../requests.js";
import { say } from "../state.js";
import { RECENT, read, write } from "../storage.js";
import { expectGone, visit, visitLast, visitWith } from "./form.js";
import { typed } from "./typed.js";

/** @import { OpenedFile } from "../documents.js" */
/** @import { Offer } from "../state.js" */

/** Whether this person may open any: the button is there for those. */
export const mayOpen = () => Boolean($("#open button"));

/**
 * Open the workflow in a file, or the grid.
 * @param {Blob} file
 * @param {string} name
 * @param {readonly Offer[]} [offers] what else can be done with it where it has no workflow
 * @param {number} [count] of files that were given, this one and those that are left
 */
export async function openWorkflow(file, name, offers = [], count = 1) {
  if (await openGrid(file)) return;
  const opened = await ask(pathFor(name), file, "POST", offers);
  if (!opened) return;
  show(opened);
  // It is no refusal, which would go as soon as the form is filled in.
  if (count > 1) say(message("Only the first of {count} files was opened.", { count }), "", "");
}

/**
 * Open the workflow of a file that may well have none.
 * @param {Blob} file
 * @param {string} name
 * @param {() => void} otherwise what is done then
 */
export async function tryToOpen(file, name, otherwise) {
  const { told: opened } = await request(pathFor(name), file);
  if (opened) show(opened);
  else otherwise();
}

/** @param {OpenedFile} opened */
function show({ name, values, missing }) {
  if (values) visitWith(name, values, true);
  else visit(name, true);
  if (missing.length)
    say(
      message("The files that this was made from aren't here."),
      message("Add them again: {fields}.", { fields: missing.join(", ") }),
      "",
    );
}

/** @param {string} name of a file */
const pathFor = (name) => `${API}/workflows?file=${encodeURIComponent(name)}`;

/**
 * The buttons of a workflow that this person has opened, or may take from everybody.
 * @param {HTMLElement} place
 * @param {string} name
 * @param {string} title
 * @param {boolean} isOwn whether nobody else has it
 * @param {string} about what is said before it is removed
 */
export function mountSharing(place, name, title, isOwn, about) {
  const path = `${API}/workflows/${encodeURIComponent(name)}`;
  $(".share", place)?.addEventListener("click", async () => {
    const kept = await ask(`${path}/keep`);
    if (!kept) return;
    forget(name);
    visitWith(kept.name, typed(name), true);
  });
  $(".remove", place)?.addEventListener("click", () => {
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
  });
}

/** @param {string} name of a workflow that is listed no longer */
function forget(name) {
  /** @type {string[]} */
  const recent = read(localStorage, RECENT, []);
  write(
    localStorage,
    RECENT,
    recent.filter((one) => one !== name),
  );
}
