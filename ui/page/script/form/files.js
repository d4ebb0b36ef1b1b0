// @ts-check
// Files dropped or pasted: a field's value, or a workflow to open.

import { fieldsToVary, variedForm } from "../batches/given.js";
import { hideZones, outline, showZones, zoneAt } from "../components/drop_zones.js";
import { $, all, announce, element } from "../dom.js";
import { giveFile, isChoosing, labelOf, replaceFile } from "../gradio.js";
import { openGrid } from "../grids/opened_grid.js";
import { message, plural } from "../messages.js";
import { say } from "../state.js";
import { openVary } from "../vary/open.js";
import { carriesWorkflow } from "./carried.js";
import { clearErrors, fieldId, showError } from "./field_errors.js";
import { KINDS, shortened, unfitWords } from "./file_kinds.js";
import { formName } from "./form.js";
import { mayOpen, openWorkflow, tryToOpen } from "./workflows.js";

const FIELD = "[id^=field-].takes-files"; // Gradio gives a class to what is within, too
const TEXT_FIELD = "[id^=field-].takes-text";
const DRAWN_ANEW = 200;
const UNPLAYABLE = ".unplayable";
const NOT_PLAYABLE = message(
  "This browser can't play this video. ComfyUI may still be able to use it.",
);
/** What an empty field says, by the names that the style sheet knows. @type {Record<string, string>} */
const EMPTY = {
  "--choose-image": message("Drop, paste or choose an image"),
  "--choose-video": message("Drop, paste or choose a video"),
  "--choose-audio": message("Drop, paste or choose an audio file"),
  "--choose-file": message("Drop, paste or choose a file"),
  "--tap-to-choose": message("Tap to choose"),
};

/** @param {EventTarget | null} target */
export const fieldOf = (target) => (target instanceof Element ? target.closest(FIELD) : null);

/** @param {DragEvent} event */
const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));

/**
 * Whether what lies over the page takes files itself.
 * @param {EventTarget | null} target
 */
const isOverPage = (target) => target instanceof Element && target.closest(".takes-own-files");

/** @typedef {import("../components/drop_zones.js").Zone} Zone */

/**
 * Return the fields that take a kind of result: ui/page/form/kinds/view.py gives them their classes.
 * @param {string | undefined} kind
 */
export const fieldsOfKind = (kind) =>
  kind === "text"
    ? all(TEXT_FIELD)
    : all(FIELD).filter(
        ({ classList }) => classList.contains("of-file") || classList.contains(`of-${kind}`),
      );

/**
 * The fields that are seen and take such a file.
 * @param {string} type as a browser says it, "" where it knows none
 */
const fieldsFor = (type) => {
  const [kind] = type.split("/");
  const fields = fieldsOfKind(kind === "text" ? "file" : kind); // a text in a file stays one
  return fields.filter((field) => field.checkVisibility());
};

/**
 * @param {Element} field as it was when it was offered: it may have been drawn anew since then
 * @param {readonly File[]} files
 */
function useIn({ id }, files) {
  const field = document.getElementById(id);
  if (!field) return;
  put(field, files);
  field.scrollIntoView({ block: "nearest" });
}

/**
 * The fields that such a file can be put into, each in words.
 * @param {string} type as a browser says it
 */
const usesOf = (type) =>
  fieldsFor(type).map((field) => ({
    label: message("Use as “{field}”", { field: labelOf(field) }),
    take: (/** @type {readonly File[]} */ files) => useIn(field, files),
  }));

/**
 * What a file that is held over the page can become.
 * @param {DragEvent} event
 * @returns {Zone[]}
 */
function offers(event) {
  const about = message("Put the file into this field");
  const type = event.dataTransfer?.items[0]?.type ?? "";
  const uses = usesOf(type).map(({ label, take }) => ({ title: label, about, take }));
  const opens = {
    title: message("Open its workflow"),
    about: message("JSON, or an image, video or audio file saved by ComfyUI"),
    take: openFile,
  };
  return mayOpen() ? [...uses, opens] : uses;
}

/**
 * Open the first of the files that were given for its workflow; one that has none is offered to the fields that take it.
 * @param {readonly File[]} files
 */
function openFile(files) {
  const [file] = files;
  if (!file) return;
  const offers = usesOf(file.type).map(({ label, take }) => ({
    label,
    does: () => {
      say("");
      take(files);
    },
  }));
  openWorkflow(file, file.name, offers, files.length);
}

/**
 * The button that opens a workflow.
 * @param {HTMLElement} place
 */
export function mountOpen(place) {
  $("button", place)?.addEventListener("click", () => {
    const picker = element("input");
    picker.type = "file";
    picker.onchange = () => openFile([...(picker.files ?? [])]);
    picker.click();
  });
}

/**
 * Files that were dropped beside everything: the workflow of the first is opened; one without goes into the field that
 * takes it.
 * @param {File} file the first
 * @param {readonly File[]} files
 */
async function takeBeside(file, files) {
  const [field] = fieldsFor(file.type);
  if (field && (await openGrid(file))) return;
  if (field && !mayOpen()) useIn(field, files);
  else if (field) tryToOpen(file, file.name, () => useIn(field, files));
  else openWorkflow(file, file.name, [], files.length);
}

/**
 * Whether a file on a field can be nothing but a workflow.
 * @param {Element} field
 * @param {File} file
 */
const opensInstead = (field, { name, type }) =>
  mayOpen() &&
  !field.matches(".of-file") &&
  (type === "application/json" || name.toLowerCase().endsWith(".json"));

/**
 * A file that has become a field's value can be opened as well where there is a workflow inside.
 * @param {File} file
 */
async function offerWorkflow(file) {
  if (!mayOpen() || !(await carriesWorkflow(file))) return;
  const does = () => {
    say("");
    openFile([file]);
  };
  const offers = [{ label: message("Open its workflow"), does }];
  say(message("There is a workflow in “{file}”.", { file: shortened(file.name) }), "", "", offers);
}

/**
 * The field that was given a file last: what is wrong with it is said there. `isFirst`: the file is the first of
 * several, of which something is said already.
 */
const given = { id: "", isFirst: false };

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

/**
 * What a field is given, however that is done: what it does not take is refused on the field before Gradio refuses it
 * in a corner, and what the field has stays.
 * @param {Event} event
 */
function fieldGiven(event) {
  const { target } = event;
  if (!(target instanceof HTMLInputElement) || target.type !== "file") return;
  const field = fieldOf(target);
  const [file] = target.files ?? [];
  const kind = target.accept.replace("/*", "");
  if (!field || !file) return;
  if (event.isTrusted) given.isFirst = false;
  if (!refuses(field, kind, file)) {
    if (!given.isFirst) offerWorkflow(file);
    return;
  }
  event.stopPropagation();
  target.value = "";
}

/**
 * @param {Element} field
 * @param {string} kind what it takes
 * @param {File} file
 * @returns {boolean} whether it does not take this, which is told there
 */
function refuses(field, kind, file) {
  const said = unfitWords(kind, file);
  if (!(field instanceof HTMLElement) || !said) return false;
  clearErrors();
  showError(field, said);
  announce(said);
  return true;
}

/**
 * Put a file into a field, in the place of what it has. Of several it is the first, which is said.
 * @param {Element} field
 * @param {readonly File[]} files
 */
function put(field, files) {
  const [file] = files;
  if (!file) return;
  const kind = kindOf(field);
  given.isFirst = files.length > 1;
  if (!giveFile(field, file)) {
    given.id = field.id;
    if (!refuses(field, kind, file)) replaceFile(field, file);
  }
  if (given.isFirst && !unfitWords(kind, file)) tellFirst(field, file, files);
}

/**
 * What a field takes, "" for any file.
 * @param {Element} field
 */
const kindOf = (field) => KINDS.find((one) => field.classList.contains(`of-${one}`)) ?? "";

/**
 * Say that a field has the first of several files, and offer to make a run with each.
 * @param {Element} field
 * @param {File} file
 * @param {readonly File[]} files
 */
function tellFirst(field, file, files) {
  const varied = formName() === variedForm() ? fieldsToVary() : [];
  const key = varied.find((one) => fieldId(one.key) === field.id)?.key;
  const count = files.length;
  const label = plural("Vary values: {count} file", "Vary values: all {count} files", { count });
  const does = () => {
    say("");
    openVary(key, files);
  };
  say(
    message("Only “{file}” was added. “{field}” takes one file.", {
      file: shortened(file.name),
      field: labelOf(field),
    }),
    "",
    "",
    key ? [{ label, does }] : [],
  );
}

/**
 * What a field has stays until another file is chosen; Gradio would take it out first.
 * @param {MouseEvent} event
 */
function chooseAnother(event) {
  const { target } = event;
  const field = fieldOf(target);
  if (!field || !isChoosing(/** @type {Element} */ (target))) return;
  if (!$("video, audio", field) || $("input[type=file]", field)) return;
  event.stopPropagation();
  const input = element("input");
  input.type = "file";
  input.accept = `${kindOf(field)}/*`;
  input.addEventListener("change", () => put(field, [...(input.files ?? [])]));
  input.click();
}

/**
 * A video that this browser can't play is told in its place; Gradio would call it an error in a corner.
 * @param {Event} event
 */
function tellUnplayable(event) {
  const { target } = event;
  if (!(target instanceof HTMLVideoElement) || !fieldOf(target)) return;
  event.stopPropagation();
  if (!target.isConnected || $(UNPLAYABLE, target.parentElement ?? document)) return;
  const note = element("p", "field-note unplayable", NOT_PLAYABLE);
  target.after(note);
  announce(NOT_PLAYABLE);
}

/**
 * Another video in the same place can be played.
 * @param {Event} event
 */
function forgetUnplayable({ target }) {
  if (!(target instanceof HTMLVideoElement) || !fieldOf(target)) return;
  $(UNPLAYABLE, target.parentElement ?? document)?.remove();
}

/** A file dropped on a field is its value; anywhere else it is opened for the workflow inside. */
export function takeFiles() {
  for (const [name, words] of Object.entries(EMPTY))
    document.documentElement.style.setProperty(name, JSON.stringify(words));
  document.addEventListener("change", fieldGiven, true);
  document.addEventListener("click", chooseAnother, true);
  document.addEventListener("error", tellUnplayable, true);
  document.addEventListener("loadeddata", forgetUnplayable, true);
  for (const kind of ["change", "drop", "paste"])
    document.addEventListener(
      kind,
      ({ target }) => {
        given.id = fieldOf(target)?.id ?? given.id;
      },
      true,
    );
  document.addEventListener("dragover", held, true); // Gradio lets nobody else hear of these
  document.addEventListener("dragleave", (event) => event.relatedTarget || letGo(), true);
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || isOverPage(event.target)) return;
    event.preventDefault(); // the browser would leave the page to show the file
    if (!fieldOf(event.target)) showZones(() => offers(event), event.target);
  });
  document.addEventListener("drop", dropped, true);
  document.addEventListener("paste", pasted, true);
}

/** @param {DragEvent} event */
const held = (event) => carriesFiles(event) && outline(fieldOf(event.target));

function letGo() {
  hideZones();
  outline(null);
}

/** @param {DragEvent} event */
function dropped(event) {
  if (isOverPage(event.target)) return;
  const zone = zoneAt(event.target);
  letGo();
  const files = [...(event.dataTransfer?.files ?? [])];
  const [file] = files;
  if (!file || !carriesFiles(event)) return;
  event.preventDefault();
  const field = fieldOf(event.target);
  if (zone) zone.take(files);
  else if (!field) takeBeside(file, files);
  else if (opensInstead(field, file)) openFile(files);
  else {
    put(field, files);
    event.stopPropagation();
  }
}

/** @param {ClipboardEvent} event */
function pasted(event) {
  const { target } = event;
  if (isOverPage(target)) return;
  const files = [...(event.clipboardData?.files ?? [])];
  const [file] = files;
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (text && target instanceof Element && target.closest("input, textarea")) return;
  const fields = all(FIELD);
  const field =
    fields.find((one) => one.matches(":hover") || one.contains(/** @type {Node} */ (target))) ??
    fields[0];
  const isMedia = /^(image|audio|video)\//.test(file?.type ?? "");
  if (file) {
    if (isMedia && field) put(field, files);
    else openFile(files);
  } else if (text.startsWith("{")) openWorkflow(new Blob([text]), "pasted.json");
  else return;
  event.preventDefault();
  event.stopPropagation();
}
