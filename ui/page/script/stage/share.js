// @ts-check
// “Share…”: a link to one or several results that their owner can create and revoke.

import { announce, button, dialog, element, root } from "../dom.js";
import { copyText } from "../form/copying.js";
import { message, plural } from "../messages.js";
import { API, ask } from "../requests.js";
import { say } from "../state.js";

/** @import { LinkDoc, RunDoc } from "../documents.js" */

const MOST = 24; // results of a link, as in ui/accounts/pages/shared_page.py
const SEVERAL = "."; // between the links of several results
const KINDS = ["image", "video", "audio"];
const SHARED = message("This result is already shared with this link.");
const STOPPED = message("Sharing stopped. The link no longer works.");
const FOR_GOOD = message("The link will stop working. Sharing again creates a new one.");
const NOT_WITHOUT = message("This kind of file can't be shared without its prompt.");
const NOT_ALL_WITHOUT = message("Some of these files can't be shared without their prompts.");
const COPIED = message("Link copied");
const NOT_COPIED = message("Select the link and copy it.");

/**
 * Return what the dialog says about this number of results.
 * @param {number} count
 */
const wordsFor = (count) => ({
  who: plural(
    "Anyone who can use ComfyForms and has the link can see it.",
    "Anyone who can use ComfyForms and has the link can see them.",
    { count },
  ),
  withMetadata: plural(
    "The file contains its workflow: prompt, settings and input file names.",
    "The files contain their workflows: prompts, settings and input file names.",
    { count },
  ),
  withoutMetadata: plural(
    "The file is shared without its metadata.",
    "The files are shared without their metadata.",
    { count },
  ),
  notWithout: count > 1 ? NOT_ALL_WITHOUT : NOT_WITHOUT,
});

/** @param {string} kind */
export const canBeShared = (kind) => KINDS.includes(kind);

/**
 * Ask what to share of a result, then create its link. For a result that is shared already, show the link.
 * @param {string} run
 * @param {number} at the file's index in the run
 */
export async function share(run, at) {
  const path = pathOf(run, at);
  const told = await ask(path, undefined, "GET");
  if (told) new SharePanel(message("Share this result"), [path], told).open();
}

/**
 * Ask what to share of several runs, then create one link to all their results.
 * @param {readonly string[]} runs
 */
export async function shareSeveral(runs) {
  const paths = [];
  for (const run of runs) {
    /** @type {RunDoc | null} */
    const told = await ask(`${API}/runs/${run}`, undefined, "GET");
    if (!told) return;
    for (const { n, kind, saved } of told.files)
      if (saved && canBeShared(kind)) paths.push(pathOf(run, n));
  }
  if (!paths.length || paths.length > MOST) {
    const most = message("Choose {most} images, videos or sounds at most.", { most: MOST });
    say(paths.length ? most : message("Only images, video and audio can be shared by a link."));
    return;
  }
  const title = plural("Share {count} result", "Share {count} results", { count: paths.length });
  const link = { address: "", prompt: false, has_prompt: true, is_new: true, can_strip: true };
  new SharePanel(title, paths, link).open();
}

/**
 * Return the path of a result's link in the API.
 * @param {string} run
 * @param {number} at
 */
const pathOf = (run, at) => `${API}/runs/${run}/files/${at}/link`;

class SharePanel {
  #paths;
  #words;
  #place;
  #link = element("input");
  #row = element("div", "row");
  #box = element("input");
  #carries = element("p", "carries");
  #said = element("p", "said");
  #last = element("div", "row last");
  #told;

  /**
   * @param {string} title
   * @param {readonly string[]} paths the links' paths in the API
   * @param {LinkDoc} told the state of the link
   */
  constructor(title, paths, told) {
    this.#paths = paths;
    this.#words = wordsFor(paths.length);
    this.#told = told;
    this.#place = dialog("share", title);
    this.#link.readOnly = true;
    this.#link.ariaLabel = message("Link");
    this.#said.role = "status";
    this.#row.append(
      this.#link,
      button(message("Copy"), () => this.copy()),
    );
    const withPrompt = told.has_prompt ? [this.#withPrompt()] : [];
    const before = told.is_new ? [] : [element("p", "before", SHARED)];
    this.#place.append(
      ...before,
      element("p", "", this.#words.who),
      this.#row,
      ...withPrompt,
      this.#carries,
      this.#said,
      this.#last,
    );
    this.#show();
  }

  open() {
    document.body.append(this.#place);
    this.#place.showPopover();
    const last = this.#last.querySelector("button:last-of-type");
    const { address, can_strip: canStrip } = this.#told;
    const first = address ? this.#link : canStrip ? last : this.#box;
    if (first instanceof HTMLElement) first.focus();
  }

  #show() {
    const { address, can_strip: canStrip } = this.#told;
    const includes = this.#box.checked;
    this.#row.hidden = !address;
    this.#link.value = address && root + address;
    const { withMetadata, withoutMetadata, notWithout } = this.#words;
    const without = canStrip ? withoutMetadata : notWithout;
    this.#carries.textContent = includes ? withMetadata : without;
    this.#box.disabled = Boolean(address) && includes && !canStrip;
    const create = button(message("Create link"), () => this.#create(), "button primary");
    create.ariaDisabled = String(!includes && !canStrip);
    const stop = button(message("Stop sharing"), () => this.#ask());
    const parts = address
      ? [stop, this.#leave(message("Close"))]
      : [this.#leave(message("Cancel")), create];
    this.#last.replaceChildren(...parts);
  }

  /** Create the link with the chosen contents, and copy it. */
  async #create() {
    if (!(await this.#change())) return;
    this.#show();
    this.copy();
  }

  /** @returns {Promise<boolean>} whether the app has shared everything; if not, the error is already shown */
  async #change() {
    const links = [];
    for (const path of this.#paths) {
      /** @type {LinkDoc | null} */
      const told = await ask(`${path}?prompt=${this.#box.checked}`);
      if (!told) return false;
      links.push(told);
    }
    const [first = this.#told] = links;
    const tokens = links.map(({ address }) => address.slice(first.address.lastIndexOf("/") + 1));
    const address = first.address.replace(/[^/]*$/, tokens.join(SEVERAL));
    this.#told = { ...first, address, can_strip: links.every((told) => told.can_strip) };
    return true;
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

  /** Return the choice whether the link shows the prompt. Changes of an existing link apply at once. */
  #withPrompt() {
    const label = element("label");
    this.#box.type = "checkbox";
    this.#box.checked = this.#told.prompt;
    this.#box.addEventListener("change", async () => {
      if (this.#told.address && !(await this.#change())) this.#box.checked = !this.#box.checked;
      this.#show();
    });
    label.append(this.#box, element("span", "", message("Include the prompt and settings")));
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
    for (const path of this.#paths) if (!(await ask(path, undefined, "DELETE"))) return;
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
