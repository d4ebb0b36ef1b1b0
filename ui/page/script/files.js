// @ts-check
// Files dropped or pasted: a field's value, or a workflow to open.

import { all } from "./dom.js";
import { clearErrors, showError } from "./field_errors.js";
import { giveFile } from "./gradio.js";
import { mayOpen, openWorkflow } from "./workflows.js";

const FIELD = ".takes-files";
const DRAWN_ANEW = 200;

/** @param {EventTarget | null} target */
const fieldOf = (target) => (target instanceof Element ? target.closest(FIELD) : null);

/** @param {DragEvent} event */
const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));

/** The field that was given a file last: what is wrong with it is said there. */
const given = { id: "" };

/**
 * Say on the field that was given a file why it is not taken. Gradio would say it in a corner, or not at all.
 * @param {string} why
 * @returns {boolean} whether there is such a field
 */
export function refuseFile(why) {
  const { id } = given;
  if (!id) return false;
  clearErrors();
  // Not before Gradio has drawn the field anew.
  setTimeout(() => {
    const field = document.getElementById(id);
    if (field) showError(field, why);
  }, DRAWN_ANEW);
  return true;
}

/** A file dropped on a field is its value; anywhere else it is opened for the workflow inside. */
export function takeFiles() {
  for (const kind of ["change", "drop", "paste"])
    document.addEventListener(
      kind,
      ({ target }) => {
        given.id = fieldOf(target)?.id ?? given.id;
      },
      true,
    );
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // the browser would leave the page to show the file
    document.body.classList.toggle("dropping", mayOpen() && !fieldOf(event.target));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", dropped, true);
  document.addEventListener("paste", pasted, true);
}

/** @param {DragEvent} event */
function dropped(event) {
  document.body.classList.remove("dropping");
  const file = event.dataTransfer?.files[0];
  if (!file || !carriesFiles(event)) return;
  event.preventDefault();
  const field = fieldOf(event.target);
  if (!field) openWorkflow(file, file.name);
  else if (giveFile(field, file)) event.stopPropagation();
}

/** @param {ClipboardEvent} event */
function pasted(event) {
  const { target } = event;
  const file = event.clipboardData?.files[0];
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (text && target instanceof Element && target.closest("input, textarea")) return;
  const fields = all(FIELD);
  const field =
    fields.find((one) => one.matches(":hover") || one.contains(/** @type {Node} */ (target))) ??
    fields[0];
  const isMedia = /^(image|audio|video)\//.test(file?.type ?? "");
  if (file) {
    if (!isMedia || !field || !giveFile(field, file)) openWorkflow(file, file.name);
  } else if (text.startsWith("{")) openWorkflow(new Blob([text]), "pasted.json");
  else return;
  event.preventDefault();
  event.stopPropagation();
}
