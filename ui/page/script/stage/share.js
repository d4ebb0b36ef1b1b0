// @ts-check
// “Share…”: a link to a result that its owner can create and revoke.

import { announce, button, dialog, element, root } from "../dom.js";
import { copyText } from "../form/form.js";
import { message } from "../messages.js";
import { API, ask } from "../requests.js";

/** @import { LinkDoc } from "../documents.js" */

const KINDS = ["image", "video", "audio"];
const WHO = message("Anyone who can use ComfyForms and has the link can see it.");
const SHARED = message("This result is already shared with this link.");
const STOPPED = message("Sharing stopped. The link no longer works.");
const FOR_GOOD = message("The link will stop working. Sharing again creates a new one.");
const WITH_METADATA = message(
  "The file contains its workflow: prompt, settings and input file names.",
);
const WITHOUT_METADATA = message("The file is shared without its metadata.");
const NOT_WITHOUT = message("This kind of file can't be shared without its prompt.");
const COPIED = message("Link copied");
const NOT_COPIED = message("Select the link and copy it.");

/** @param {string} kind */
export const canBeShared = (kind) => KINDS.includes(kind);

/**
 * Create the link of a result, or get the existing one. Copy it and show its options.
 * @param {string} run
 * @param {number} at the file's index in the run
 */
export async function share(run, at) {
  const path = `${API}/runs/${run}/files/${at}/link`;
  const told = await ask(path);
  if (!told) return;
  const panel = new SharePanel(path, told);
  panel.open();
  if (told.address) panel.copy();
}

class SharePanel {
  #path;
  #place = dialog("share", message("Share this result"));
  #link = element("input");
  #row = element("div", "row");
  #carries = element("p", "carries");
  #said = element("p", "said");
  #last = element("div", "row last");

  /**
   * @param {string} path the link's path in the API
   * @param {LinkDoc} told
   */
  constructor(path, told) {
    this.#path = path;
    this.#link.readOnly = true;
    this.#link.ariaLabel = message("Link");
    this.#said.role = "status";
    this.#row.append(
      this.#link,
      button(message("Copy"), () => this.copy()),
    );
    const withPrompt = told.has_prompt ? [this.#withPrompt(told)] : [];
    const before = told.is_new ? [] : [element("p", "before", SHARED)];
    this.#place.append(
      ...before,
      element("p", "", WHO),
      this.#row,
      ...withPrompt,
      this.#carries,
      this.#said,
      this.#last,
    );
    this.#show(told);
  }

  open() {
    document.body.append(this.#place);
    this.#place.showPopover();
    const first = this.#row.hidden ? this.#place.querySelector("label input") : this.#link;
    if (first instanceof HTMLElement) first.focus();
  }

  /** @param {LinkDoc} told the current state of the link */
  #show(told) {
    this.#row.hidden = !told.address;
    this.#link.value = told.address && root + told.address;
    const without = told.can_strip ? WITHOUT_METADATA : NOT_WITHOUT;
    this.#carries.textContent = told.prompt ? WITH_METADATA : without;
    const stop = button(message("Stop sharing"), () => this.#ask());
    this.#last.replaceChildren(...(told.address ? [stop] : []), this.#leave(message("Close")));
  }

  async copy() {
    const isCopied = await copyText(this.#link.value).then(
      () => true,
      () => false,
    );
    this.#link.focus();
    this.#link.select();
    this.#link.scrollLeft = 0; // show the start of the link
    this.#said.textContent = isCopied ? COPIED : NOT_COPIED;
  }

  /** @param {LinkDoc} told */
  #withPrompt({ prompt, can_strip }) {
    const label = element("label");
    const box = element("input");
    box.type = "checkbox";
    box.checked = prompt;
    box.disabled = prompt && !can_strip;
    box.addEventListener("change", async () => {
      /** @type {LinkDoc | null} */
      const told = await ask(`${this.#path}?prompt=${box.checked}`);
      if (!told) {
        box.checked = !box.checked;
        return;
      }
      const isFirst = this.#row.hidden;
      this.#show(told);
      box.disabled = told.prompt && !told.can_strip;
      if (isFirst) this.copy();
    });
    label.append(box, element("span", "", message("Include the prompt")));
    return label;
  }

  /** Ask before revoking the link: it stops working for everyone who has it. */
  #ask() {
    this.#keepOnly(FOR_GOOD, [
      this.#leave(message("Cancel")),
      button(message("Stop sharing"), () => this.#end()),
    ]);
  }

  async #end() {
    if (!(await ask(this.#path, undefined, "DELETE"))) return;
    this.#keepOnly(STOPPED, [this.#leave(message("Close"))]);
    announce(STOPPED);
  }

  /** @param {string} text */
  #leave(text) {
    return button(text, () => this.#place.hidePopover());
  }

  /**
   * Replace the panel's contents with a sentence and buttons.
   * @param {string} said
   * @param {HTMLButtonElement[]} buttons the first gets the focus
   */
  #keepOnly(said, buttons) {
    for (const part of this.#place.querySelectorAll("p:not(.said), .row:not(.last), label"))
      part.remove();
    this.#said.textContent = said;
    this.#last.replaceChildren(...buttons);
    buttons[0]?.focus();
  }
}
