// @ts-check
// “Share…”: a link to a result, which its owner makes and can take back.

import { announce, button, dialog, element, root } from "../dom.js";
import { copyText } from "../form/form.js";
import { message } from "../messages.js";
import { ask } from "../requests.js";

const KINDS = ["image", "video", "audio"];
const WHO = message("Anyone who can use this app and has the link can see it.");
const SHARED = message("This result is shared already, by this link.");
const STOPPED = message("Sharing stopped. The link no longer works.");
const FOR_GOOD = message("The link stops working. Sharing again makes another one.");
const COPIED = message("Link copied.");
const NOT_COPIED = message("Select the link and copy it.");

/** @param {string} kind */
export const canBeShared = (kind) => KINDS.includes(kind);

/**
 * Make the link of a result, or find the one that there is; copy it, and show what can be done with it.
 * @param {string} run
 * @param {number} at which of its files
 */
export async function share(run, at) {
  const path = `/history/${run}/files/${at}/link`;
  const told = await ask(path);
  if (!told) return;
  const panel = new SharePanel(path, told);
  panel.open();
  panel.copy();
}

class SharePanel {
  #path;
  #place = dialog("share", message("Share this result"));
  #link = element("input");
  #said = element("p", "said");
  #last = element("div", "row last");

  /**
   * @param {string} path of the link in the app
   * @param {{ address: string, prompt: boolean, has_prompt: boolean, is_new: boolean }} told
   */
  constructor(path, told) {
    this.#path = path;
    this.#link.readOnly = true;
    this.#link.value = root + told.address;
    this.#link.ariaLabel = message("Link");
    this.#said.role = "status";
    const row = element("div", "row");
    row.append(
      this.#link,
      button(message("Copy"), () => this.copy()),
    );
    this.#last.append(
      button(message("Stop sharing"), () => this.#ask()),
      this.#leave(message("Close")),
    );
    const withPrompt = told.has_prompt ? [this.#withPrompt(told.prompt)] : [];
    const before = told.is_new ? [] : [element("p", "before", SHARED)];
    this.#place.append(
      ...before,
      element("p", "", WHO),
      row,
      ...withPrompt,
      this.#said,
      this.#last,
    );
  }

  open() {
    document.body.append(this.#place);
    this.#place.showPopover();
    this.#link.focus();
  }

  async copy() {
    const isCopied = await copyText(this.#link.value).then(
      () => true,
      () => false,
    );
    this.#link.focus();
    this.#link.select();
    this.#link.scrollLeft = 0; // its beginning is seen
    this.#said.textContent = isCopied ? COPIED : NOT_COPIED;
  }

  /** @param {boolean} isTold */
  #withPrompt(isTold) {
    const label = element("label");
    const box = element("input");
    box.type = "checkbox";
    box.checked = isTold;
    box.addEventListener("change", async () => {
      const told = await ask(`${this.#path}?prompt=${box.checked}`);
      if (!told) box.checked = !box.checked;
    });
    label.append(box, element("span", "", message("Show the prompt, too")));
    return label;
  }

  /** A link that was taken back is gone for whoever has it. */
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
   * @param {string} said
   * @param {HTMLButtonElement[]} buttons the first has the focus
   */
  #keepOnly(said, buttons) {
    for (const part of this.#place.querySelectorAll("p:not(.said), .row:not(.last), label"))
      part.remove();
    this.#said.textContent = said;
    this.#last.replaceChildren(...buttons);
    buttons[0]?.focus();
  }
}
