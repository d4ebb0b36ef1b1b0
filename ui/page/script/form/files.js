// @ts-check
// Dropped, pasted and chosen files: each becomes a field's value or opens as a workflow.

import { UNSHOWABLE } from "../arrivals.js";
import { coverWindow, uncoverWindow } from "../back.js";
import { fieldsToVary, variedForm } from "../batches/given.js";
import { hideZones, outline, showZones, zoneAt } from "../components/drop_zones.js";
import { $, all, announce, button, element, nameIn } from "../dom.js";
import { giveFile, isChoosing, isEnlarging, labelOf, replaceFile } from "../gradio.js";
import { labeled, message, plural } from "../messages.js";
import { page, say } from "../state.js";
import { openVary } from "../vary/open.js";
import { carriesWorkflow } from "./carried.js";
import { clearError, clearErrors, fieldId, showRefusal } from "./field_errors.js";
import { KINDS, shortened, unfitWords } from "./file_kinds.js";
import { formName } from "./form.js";
import { uploadBegins } from "./uploading.js";
import { mayOpen, openWorkflow, tryToOpen } from "./workflows.js";

const FIELD = "[id^=field-].takes-files"; // Gradio also gives the class to an inner element
const TEXT_FIELD = "[id^=field-].takes-text";
const DRAWN_ANEW = 200;
const UNPLAYABLE = ".unplayable";
const NOT_PLAYABLE = message(
  "This browser can't play this video. ComfyUI may still be able to use it.",
);
const NOT_SHOWABLE = message(
  "This browser can't show this image. ComfyUI may still be able to use it.",
);
const DAMAGED = message("This image can't be read. It may be damaged or too large.");
const FOREIGN = /\.(tiff?|hei[cf])$/i;
/** Words in Gradio's file fields, by the CSS custom properties that show them. @type {Record<string, string>} */
const WORDS = {
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
 * Return whether the target is in a dialog that handles files itself.
 * @param {EventTarget | null} target
 */
const isOverPage = (target) => target instanceof Element && target.closest(".takes-own-files");

/** @typedef {import("../components/drop_zones.js").Zone} Zone */

/**
 * Return the fields that accept a kind of result. ui/page/form/kinds/view.py assigns their classes.
 * @param {string | undefined} kind
 */
export const fieldsOfKind = (kind) =>
  kind === "text"
    ? all(TEXT_FIELD)
    : all(FIELD).filter(
        ({ classList }) => classList.contains("of-file") || classList.contains(`of-${kind}`),
      );

/**
 * Return the visible fields that accept a file type.
 * @param {string} type MIME type from the browser, "" if unknown
 */
const fieldsFor = (type) => {
  const [kind] = type.split("/");
  const fields = fieldsOfKind(kind === "text" ? "file" : kind); // a text file goes into a file field, not a text box
  return fields.filter((field) => field.checkVisibility());
};

/**
 * Put files into a field and scroll to it.
 * @param {{ id: string }} field its element, which may be outdated if Gradio has redrawn it since
 * @param {readonly File[]} files
 */
export function useIn({ id }, files) {
  const field = document.getElementById(id);
  if (!field) return;
  put(field, files);
  page.set({ tab: "form" });
  field.scrollIntoView({ block: "nearest" });
}

/**
 * Return an offer for each field that accepts a file type.
 * @param {string} type MIME type from the browser
 */
const usesOf = (type) =>
  fieldsFor(type).map((field) => ({
    label: message("Use as “{field}”", { field: labelOf(field) }),
    take: (/** @type {readonly File[]} */ files) => useIn(field, files),
  }));

/**
 * Return the drop zones for a file that is dragged over the page.
 * @param {DragEvent} event
 * @returns {Zone[]}
 */
function offers(event) {
  const type = event.dataTransfer?.items[0]?.type ?? "";
  const uses = usesOf(type).map(({ label, take }) => ({ title: label, about: "", take }));
  const opens = {
    title: message("Open its workflow"),
    about: message("JSON, or an image, video or audio file saved by ComfyUI"),
    take: openFile,
  };
  return mayOpen() ? [...uses, opens] : uses;
}

/**
 * Open the workflow in the first file. If it has none, offer the fields that accept the file.
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
 * Connect the button that opens a workflow.
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
 * Handle files dropped outside all fields and drop zones, or given by the system: open the workflow in the first file, or put a file without a
 * workflow into the first field that accepts it.
 * @param {File} file the first file
 * @param {readonly File[]} files
 */
export async function takeBeside(file, files) {
  const [field] = fieldsFor(file.type);
  const { openGrid } = await import("../grids/opened_grid.js");
  if (field && (await openGrid(file))) return;
  if (field && !mayOpen()) useIn(field, files);
  else if (field) tryToOpen(file, file.name, () => useIn(field, files));
  else openWorkflow(file, file.name, [], files.length);
}

/**
 * Return whether a file dropped on a field can only be a workflow.
 * @param {Element} field
 * @param {File} file
 */
const opensInstead = (field, { name, type }) =>
  mayOpen() &&
  !field.matches(".of-file") &&
  (type === "application/json" || name.toLowerCase().endsWith(".json"));

/**
 * Offer to open the workflow in a file that has become a field's value, if it contains one.
 * @param {File} file
 */
async function offerWorkflow(file) {
  if (!mayOpen() || !(await carriesWorkflow(file))) return;
  const does = () => {
    say("");
    openFile([file]);
  };
  const offers = [{ label: message("Open its workflow"), does }];
  say(message("“{file}” contains a workflow.", { file: shortened(file.name) }), "", "", offers);
}

/**
 * `id`: the field that received a file last; errors about the file are shown on it. `isFirst`: the file is the first of
 * several, for which `tellFirst` shows a message.
 */
const given = { id: "", isFirst: false };

/**
 * Show why a file was refused on the field that received it. Gradio would show this in a corner, or not at all.
 * @param {string} why
 * @returns {boolean} whether a field received a file
 */
export function refuseFile(why) {
  const { id } = given;
  if (!id) return false;
  clearErrors();
  // Wait until Gradio has redrawn the field, which would remove the error.
  setTimeout(() => {
    const field = document.getElementById(id);
    if (field) showRefusal(field, why);
  }, DRAWN_ANEW);
  return true;
}

/**
 * Check a file that a field receives in any way. Refuse an unsuitable file on the field, before Gradio refuses it in a
 * corner, and keep the field's current file.
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
    clearError(/** @type {HTMLElement} */ (field));
    uploadBegins(field.id, labelOf(field), file.name);
    if (!given.isFirst) offerWorkflow(file);
    return;
  }
  event.stopPropagation();
  target.value = "";
}

/**
 * Show an error on a field if it doesn't accept a file.
 * @param {Element} field
 * @param {string} kind the kind that the field accepts
 * @param {File} file
 * @returns {boolean} whether the file was refused
 */
function refuses(field, kind, file) {
  const said = unfitWords(kind, file);
  if (!(field instanceof HTMLElement) || !said) return false;
  showRefusal(field, said);
  announce(said);
  return true;
}

/**
 * Put a file into a field and replace its current file. Of several files, use the first and show a message.
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

/** @param {Element} field @returns the kind of files that a field accepts, "" for any */
const kindOf = (field) => KINDS.find((one) => field.classList.contains(`of-${one}`)) ?? "";

/**
 * Show that the field got only the first of several files, and offer to vary the field over all of them.
 * @param {Element} field
 * @param {File} file
 * @param {readonly File[]} files
 */
function tellFirst(field, file, files) {
  const varied = formName() === variedForm() ? fieldsToVary() : [];
  const key = varied.find((one) => fieldId(one.key) === field.id)?.key;
  const counted = plural("{count} file", "{count} files", { count: files.length });
  const label = labeled(message("Try several values"), counted);
  const does = () => {
    say("");
    openVary(key, files);
  };
  say(
    message("Only “{file}” was added. “{field}” accepts one file.", {
      file: shortened(file.name),
      field: labelOf(field),
    }),
    "",
    "",
    key ? [{ label, does }] : [],
  );
}

/**
 * Keep a field's current file until the user has chosen another one; Gradio would remove it first.
 * @param {MouseEvent} event
 */
function chooseAnother(event) {
  const { target } = event;
  const field = fieldOf(target);
  if (!field || !isChoosing(/** @type {Element} */ (target))) return;
  const isMedia = $("video, audio", field) && !$("input[type=file]", field);
  if (!isMedia && !$("img", field)) return;
  event.stopPropagation();
  const input = element("input");
  input.type = "file";
  input.accept = `${kindOf(field)}/*`;
  input.addEventListener("change", () => put(field, [...(input.files ?? [])]));
  input.click();
}

/** @param {MouseEvent} event */
function enlarge(event) {
  const { target } = event;
  const field = fieldOf(target);
  if (!field || !isEnlarging(/** @type {Element} */ (target))) return;
  const image = /** @type {HTMLImageElement | null} */ ($("img", field));
  if (!image) return;
  event.stopPropagation();
  enlargeImage(image.src, labelOf(field));
}

/**
 * Show a note in place of a video that this browser can't play; Gradio would show an error in a corner.
 * @param {Event} event
 */
function tellUnplayable(event) {
  const { target } = event;
  if (!(target instanceof HTMLVideoElement) || !fieldOf(target)) return;
  event.stopPropagation();
  note(target, NOT_PLAYABLE);
}

/**
 * Show the name of an image that this browser can't show, in place of the image.
 * @param {Event} event
 */
function tellUnshowable({ target }) {
  if (!(target instanceof HTMLImageElement) || !fieldOf(target)) return;
  const name = nameIn(target.src);
  note(target, labeled(shortened(name), FOREIGN.test(name) ? NOT_SHOWABLE : DAMAGED));
}

/**
 * @param {Element} media in a field
 * @param {string} words
 */
function note(media, words) {
  if (!media.isConnected || $(UNPLAYABLE, media.parentElement ?? document)) return;
  media.after(element("p", "field-note unplayable", words));
  announce(words);
}

/**
 * Remove the note when other media load in the same place.
 * @param {Event} event
 */
function forgetUnplayable({ target }) {
  if (!(target instanceof Element) || !fieldOf(target)) return;
  $(UNPLAYABLE, target.parentElement ?? document)?.remove();
}

/** Handle all files given to the page. A file dropped on a field becomes its value; elsewhere its workflow opens. */
export function takeFiles() {
  for (const [name, words] of Object.entries(WORDS))
    document.documentElement.style.setProperty(name, JSON.stringify(words));
  document.addEventListener("change", fieldGiven, true);
  document.addEventListener("click", chooseAnother, true);
  document.addEventListener("click", enlarge, true);
  document.addEventListener("error", tellUnplayable, true);
  // A video of the first form may have failed before this script came.
  for (const video of all("video"))
    if (/** @type {HTMLVideoElement} */ (video).error) video.dispatchEvent(new Event("error"));
  document.addEventListener(UNSHOWABLE, tellUnshowable, true);
  for (const loaded of ["load", "loadeddata"])
    document.addEventListener(loaded, forgetUnplayable, true);
  for (const kind of ["change", "drop", "paste"])
    document.addEventListener(
      kind,
      ({ target }) => {
        given.id = fieldOf(target)?.id ?? given.id;
      },
      true,
    );
  document.addEventListener("dragover", held, true); // Gradio stops the propagation of these events
  document.addEventListener("dragleave", (event) => event.relatedTarget || letGo(), true);
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || isOverPage(event.target)) return;
    event.preventDefault(); // otherwise the browser would navigate to the file
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

/**
 * Show an image over the whole window until the user closes it. Gradio would enlarge the field, which scrolls with the
 * page and keeps its height.
 * @param {string} address
 * @param {string} label of the field
 */
function enlargeImage(address, label) {
  const dialog = element("dialog", "enlarged-image");
  dialog.ariaLabel = label;
  const image = element("img");
  Object.assign(image, { src: address, alt: label });
  const close = button(message("Close"), () => dialog.close(), "button");
  dialog.append(image, close);
  dialog.addEventListener("close", () => {
    dialog.remove();
    uncoverWindow();
  });
  document.body.append(dialog);
  dialog.showModal();
  coverWindow(() => dialog.close());
}
