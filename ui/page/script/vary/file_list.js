// @ts-check
// Several files for one field: dropped, pasted or chosen, and kept with the app at once.

import { keepFile } from "../batches/given.js";
import { $, announce, button, element } from "../dom.js";
import { otherKindWords } from "../form/file_kinds.js";
import { message } from "../messages.js";

/** @import { GivenFile } from "../batches/spec.js" */

const IMAGE = /\.(png|jpe?g|webp|gif|avif|bmp)$/i;

export class FileList {
  /** The place on the page. */
  place = element("div", "files");
  #list = element("ul");
  #said = element("p", "problem");
  #picker = element("input");
  #files;
  #changed;
  #coming = Promise.resolve();

  /**
   * @param {readonly GivenFile[]} files
   * @param {string} accept which kinds are taken
   * @param {(files: GivenFile[]) => void} changed
   */
  constructor(files, accept, changed) {
    this.#files = [...files];
    this.#changed = changed;
    Object.assign(this.#picker, { type: "file", multiple: true, accept, hidden: true });
    this.#picker.addEventListener("change", () => {
      this.add(this.#picker.files ?? []);
      this.#picker.value = "";
    });
    const choose = button(message("Drop files here, or choose them"), () => this.#picker.click());
    choose.classList.add("drop");
    this.#said.role = "alert";
    this.place.append(this.#list, choose, this.#picker, this.#said);
    // The dialog takes what is dropped anywhere in it.
    for (const [kind, isOver] of /** @type {const} */ ([
      ["dragover", true],
      ["dragleave", false],
      ["drop", false],
    ]))
      this.place.addEventListener(kind, () => this.place.classList.toggle("over", isOver));
    this.#draw();
  }

  /** @param {Iterable<File>} files */
  add(files) {
    this.#said.textContent = "";
    for (const file of files) {
      const why = otherKindWords(this.#picker.accept.replace("/*", ""), file);
      if (why) this.#said.textContent = why;
      else this.#coming = this.#coming.then(() => this.#keep(file));
    }
  }

  /** @param {File} file */
  async #keep(file) {
    const waiting = element("li", "coming", message("Uploading {file}…", { file: file.name }));
    this.#list.append(waiting);
    const { kept, why } = await keepFile(file);
    waiting.remove();
    if (!kept) {
      this.#said.textContent = why;
      return;
    }
    this.#files.push(kept);
    this.#tell();
  }

  #tell() {
    this.#draw();
    this.#changed([...this.#files]);
  }

  #draw() {
    this.#list.replaceChildren(...this.#files.map((file, at) => this.#itemFor(file, at)));
    this.#list.hidden = !this.#files.length;
  }

  /**
   * @param {GivenFile} file
   * @param {number} at
   */
  #itemFor(file, at) {
    const item = element("li");
    const { orig_name: name } = file;
    item.title = name;
    if (IMAGE.test(name)) {
      const image = element("img");
      Object.assign(image, { src: file.url, alt: name, decoding: "async", loading: "lazy" });
      item.append(image);
    } else item.append(element("span", "name", name));
    const remove = button("✕", () => this.#remove(at), "remove");
    remove.ariaLabel = message("Remove {file}", { file: name });
    item.append(remove);
    return item;
  }

  /** @param {number} at */
  #remove(at) {
    const name = this.#files[at]?.orig_name ?? "";
    this.#files.splice(at, 1);
    this.#tell();
    announce(message("Removed: {file}", { file: name }));
    (
      $(`li:nth-child(${Math.min(at + 1, this.#files.length)}) .remove`, this.#list) ??
      $(".drop", this.place)
    )?.focus();
  }
}
