// @ts-check
// A list of files for a field or a table. The user drops, pastes or chooses files, folders and ZIPs; each file is
// uploaded immediately.

import { ifUnshowable } from "../arrivals.js";
import { keepFile } from "../batches/given.js";
import { $, announce, button, element, iconButton, isTouched } from "../dom.js";
import { otherKindWords, shortened } from "../form/file_kinds.js";
import { inTurn } from "../in_turn.js";
import { labeled, message, plural } from "../messages.js";
import { given, unpackedFiles } from "./given_files.js";
import { lastOf } from "./zip.js";

/** @import { GivenFile } from "../batches/spec.js" */
/** @import { BatchProblem } from "../documents.js" */
/** @import { Given } from "./zip.js" */

const IMAGE = /\.(png|jpe?g|webp|gif|avif|bmp)$/i;
const MOST = 1000; // same as in comfy/batches/spec.py
const NAMED = 3; // skipped files whose names are shown
const NOTHING = message("No usable files here.");

export class FileList {
  /** The element on the page. */
  place = element("div", "files");
  #list = element("ul");
  #leftOut = element("p", "help aside");
  #said = element("p", "problem");
  #picker = element("input");
  #files;
  #accept;
  #changed;
  #coming = Promise.resolve();
  #waiting = 0;

  /**
   * @param {readonly GivenFile[]} files
   * @param {string} accept accepted MIME types; "" accepts all files and doesn't unpack ZIPs
   * @param {(files: GivenFile[]) => void} changed
   */
  constructor(files, accept, changed) {
    this.#files = [...files];
    this.#accept = accept;
    this.#changed = changed;
    Object.assign(this.#picker, { type: "file", multiple: true, hidden: true });
    if (accept) this.#picker.accept = `${accept},.zip`;
    this.#picker.addEventListener("change", () => {
      this.add([...(this.#picker.files ?? [])].map((file) => given(file)));
      this.#picker.value = "";
    });
    const choose = button(chooseWords(accept), () => this.#picker.click());
    choose.classList.add("drop");
    this.#leftOut.role = "status";
    this.#said.role = "alert";
    this.place.append(this.#list, choose, this.#picker, this.#leftOut, this.#said);
    // The dialog handles drops anywhere in it, so these listeners only highlight the list.
    for (const [kind, isOver] of /** @type {const} */ ([
      ["dragover", true],
      ["dragleave", false],
      ["drop", false],
    ]))
      this.place.addEventListener(kind, () => this.place.classList.toggle("over", isOver));
    this.#draw();
  }

  /** Whether files are being uploaded. */
  get isComing() {
    return this.#waiting > 0;
  }

  /**
   * Mark the files that have problems, and clear all other marks.
   * @param {readonly BatchProblem[]} problems
   */
  mark(problems) {
    for (const [at, file] of this.#files.entries()) {
      const why = problems.find(({ place }) => place === at)?.message;
      const item = /** @type {HTMLElement} */ (this.#list.children[at]);
      item.classList.toggle("wrong", Boolean(why));
      item.title = why ?? file.orig_name;
    }
  }

  /** @param {readonly Given[]} files */
  add(files) {
    this.#said.textContent = this.#leftOut.textContent = "";
    this.#waiting++;
    this.#tell();
    this.#coming = inTurn(this.#coming, () => this.#keepAll(files)).finally(() => {
      this.#waiting--;
      this.#tell();
    });
  }

  /**
   * Upload files. Files of another kind are skipped if at least one file is usable: the user may have dropped a folder
   * that contains both.
   * @param {readonly Given[]} files
   */
  async #keepAll(files) {
    /** @type {string[]} */
    const problems = [];
    const otherKinds = [];
    let count = 0;
    for (const file of files)
      for (const one of await this.#opened(file, problems)) {
        const otherKind = this.#otherKind(one);
        if (otherKind) {
          otherKinds.push({ name: shortened(lastOf(one.path)), why: otherKind });
          continue;
        }
        const isFull = this.#files.length === MOST;
        const why = isFull
          ? message("You can add at most {most} files.", { most: MOST })
          : await this.#keep(one);
        if (why) problems.push(why);
        else count++;
      }
    if (!count) problems.push(...otherKinds.map(({ why }) => why));
    if (!count && !problems.length) problems.push(NOTHING);
    this.#said.textContent = withMore(problems);
    const names = count ? otherKinds.map(({ name }) => name) : [];
    this.#leftOut.textContent = leftOutWords(count, names);
  }

  /** @param {Given} file @param {string[]} problems */
  async #opened(file, problems) {
    if (!this.#accept) return [file];
    try {
      return await unpackedFiles(file);
    } catch {
      problems.push(unreadable(file));
      return [];
    }
  }

  /** @param {Given} file */
  #otherKind({ path, type }) {
    const kinds = this.#accept.split(",").map((kind) => kind.replace("/*", ""));
    const why = kinds.map((kind) => otherKindWords(kind, { name: lastOf(path), type }));
    return why.every(Boolean) ? (why[0] ?? "") : "";
  }

  /**
   * Upload a file and add it to the list.
   * @param {Given} file
   * @returns {Promise<string>} the error message, "" on success
   */
  async #keep(file) {
    const waiting = element("li", "coming", message("Uploading {file}…", { file: file.path }));
    this.#list.append(waiting);
    this.#list.hidden = false;
    const opened = await file.opened().catch(() => null);
    const { kept, why } = opened ? await keepFile(opened) : { kept: null, why: unreadable(file) };
    waiting.remove();
    if (!kept) return why;
    const named = { ...kept, orig_name: file.path };
    this.#files.push(named);
    this.#list.append(this.#itemFor(named));
    return "";
  }

  #tell() {
    this.#list.hidden = !this.#files.length;
    this.#changed([...this.#files]);
  }

  #draw() {
    this.#list.replaceChildren(...this.#files.map((file) => this.#itemFor(file)));
    this.#list.hidden = !this.#files.length;
  }

  /** @param {GivenFile} file */
  #itemFor(file) {
    const item = element("li");
    const { orig_name: name } = file;
    item.title = name;
    const named = element("span", "name", name);
    if (IMAGE.test(name)) {
      const image = element("img");
      Object.assign(image, { src: file.url, alt: name, decoding: "async", loading: "lazy" });
      ifUnshowable(image, () => image.replaceWith(named));
      item.append(image);
    } else item.append(named);
    const remove = iconButton("close", () => this.#remove(file), "remove");
    remove.ariaLabel = labeled(message("Remove"), name);
    item.append(remove);
    return item;
  }

  /** @param {GivenFile} file */
  #remove(file) {
    const at = this.#files.indexOf(file);
    this.#files.splice(at, 1);
    this.#list.children[at]?.remove();
    this.#leftOut.textContent = "";
    this.#tell();
    announce(message("Removed: {name}", { name: file.orig_name }));
    (
      $(`li:nth-child(${Math.min(at + 1, this.#files.length)}) .remove`, this.#list) ??
      $(".drop", this.place)
    )?.focus();
  }
}

/** @param {readonly string[]} said @returns the first sentence and the number of others */
function withMore([first = "", ...others]) {
  const count = others.length;
  const more = count ? plural("And {count} more.", "And {count} more.", { count }) : "";
  return [first, more].filter(Boolean).join(" ");
}

/**
 * Describe which files were skipped.
 * @param {number} count the number of added files
 * @param {readonly string[]} names the names of skipped files
 */
function leftOutWords(count, names) {
  if (!names.length) return "";
  const some = names.slice(0, NAMED).join(", ");
  const told = plural(
    "{count} file added. Left out: {names}.",
    "{count} files added. Left out: {names}.",
    { count, names: some },
  );
  return withMore([told, ...names.slice(NAMED)]);
}

/** @param {Given} file */
const unreadable = ({ path }) =>
  message("Can't read “{file}”. If it's a ZIP, unpack it and add its files.", {
    file: path,
  });

/** @param {string} accept accepted MIME types, "" for all files */
function chooseWords(accept) {
  if (isTouched()) return message("Choose files");
  return accept
    ? message("Drop files, a folder or a ZIP here, or choose files")
    : message("Drop files here, or choose them");
}
