// @ts-check
// “Share…”: a link to one or several results that their owner can create and revoke, and the ways that plugins add.

import {
  $,
  addressOf,
  announce,
  button,
  dialog,
  element,
  iconButton,
  root,
  showDialog,
} from "../dom.js";
import { ONLY_HERE, onlyHereWords } from "../form/copying.js";
import { linkField } from "../form/link_field.js";
import { message, plural } from "../messages.js";
import { API, ask } from "../requests.js";
import { canBeShared } from "../runs/results.js";

/** @import { LinkDoc, RunDoc } from "../documents.js" */
/** @import { Item } from "../runs/results.js" */

const MOST = 24; // results of a link, as in ui/api/links.py
const SHARED = message("This result is already shared with this link.");
const FOR_ACCOUNTS = message("To open it, people sign in with their account here.");
const UNTIL = message("The link works until you stop sharing or delete its results.");
const STOPPED = message("Sharing stopped. The link no longer works.");
const FOR_GOOD = message("The link will stop working. Sharing again creates a new one.");
const FROM_ALL = message("All links will stop showing it. Sharing again creates a new link.");
const NOT_WITHOUT = message("This kind of file can't be shared without its prompt.");
const NOT_ALL_WITHOUT = message("Some of these files can't be shared without their prompts.");

/** @param {number} count @returns what the dialog says about this number of results */
const wordsFor = (count) => ({
  withoutSignIn: plural(
    "Anyone with the link can see it without signing in.",
    "Anyone with the link can see them without signing in.",
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

/** @param {number} count */
const othersOf = (count) =>
  plural("Also shared with {count} other link.", "Also shared with {count} other links.", {
    count,
  });

/**
 * What to share. Of several runs, the last comes first.
 * @typedef {{ results: readonly { run: string, file: number }[] } | { runs: readonly string[] } | { batch: string }} Shared
 *
 * A way to share. `fill`: fills a part of the dialog, and returns the element that gets the focus; null after an error,
 * which has been shown. `isOff`: it can't share these results, and says why.
 * @typedef {{ label: string, isOff?: boolean, fill: (place: HTMLElement, close: () => void) => Promise<HTMLElement | null> }} Way
 */

/** @returns {readonly { label: string, module: string, several: string }[]} the ways that plugins add, as `ui/plugin_parts.py` lists them */
export const addedWays = () => JSON.parse($("#sharing")?.textContent ?? "[]");

/**
 * Ask how to share a result.
 * @param {Item} item
 */
export function share({ run, at, thumb }) {
  const link = linkTo([`${run}/${at}`]);
  return openDialog(message("Share this result"), { results: [{ run, file: at }] }, [link], thumb);
}

/**
 * Ask how to share all results of several runs.
 * @param {readonly string[]} runs the first comes first
 */
export async function shareSeveral(runs) {
  const files = [];
  let count = 0;
  const asked = runs.map((run) => ask(`${API}/runs/${run}`, undefined, "GET"));
  for (const told of /** @type {(RunDoc | null)[]} */ (await Promise.all(asked))) {
    if (!told) return;
    const saved = told.files.filter((file) => file.saved);
    count += saved.length;
    for (const { n, kind } of saved) if (canBeShared(kind)) files.push(`${told.id}/${n}`);
  }
  const title = plural("Share {count} result", "Share {count} results", { count });
  await openDialog(title, { runs: runs.toReversed() }, [linkTo(files)]);
}

/**
 * Ask how to share the finished results of a batch, which are too many for a link.
 * @param {string} batch
 * @param {number} count
 */
export function shareBatch(batch, count) {
  const title = plural("Share {count} finished result", "Share {count} finished results", {
    count,
  });
  return openDialog(title, { batch }, []);
}

/**
 * @param {string} title
 * @param {Shared} what
 * @param {readonly Way[]} own the app's own ways
 * @param {string | null} [thumb] the path of a picture of the shared results
 */
async function openDialog(title, what, own, thumb) {
  const place = dialog("share", title);
  if (thumb)
    $("h2", place)?.prepend(Object.assign(element("img"), { src: addressOf(thumb), alt: "" }));
  const body = element("div");
  const close = () => place.hidePopover();
  const ways = [...own, ...addedWays().map((added) => wayOf(added, what))];
  let chosen = ways.find(({ isOff }) => !isOff) ?? ways[0];
  const show = async () => {
    const way = chosen;
    const part = element("div");
    const first = await way?.fill(part, close);
    if (!first || way !== chosen) return false;
    body.replaceChildren(part);
    return first;
  };
  const choices = ways.map((way) => {
    const input = Object.assign(element("input"), { type: "radio", name: "way" });
    input.checked = way === chosen;
    input.addEventListener("change", () => {
      chosen = way;
      show();
    });
    return element("label", "", input, element("span", "", way.label));
  });
  if (choices.length > 1) place.append(element("div", "segments", ...choices));
  place.append(body);
  const first = await show();
  if (!first) return;
  showDialog(place, first);
}

/** @param {{ label: string, module: string }} added @param {Shared} what @returns {Way} */
const wayOf = ({ label, module }, what) => ({
  label,
  async fill(place, close) {
    /** @type {{ share: (what: Shared, ...into: Parameters<Way["fill"]>) => ReturnType<Way["fill"]> }} */
    const { share } = await import(module);
    return share(what, place, close);
  },
});

/**
 * @param {readonly string[]} files the results' runs and indexes, such as "run/0"
 * @returns {Way}
 */
const linkTo = (files) => ({
  label: message("With a link"),
  isOff: !files.length || files.length > MOST,
  async fill(place, close) {
    const most = message("Choose {most} images, videos or sounds at most.", { most: MOST });
    const query = new URLSearchParams(files.map((file) => ["file", file]));
    if (!files.length || files.length > MOST) {
      const leave = button(message("Close"), close);
      const why = files.length
        ? most
        : message("Only images, video and audio can be shared by a link.");
      place.append(element("p", "", why), element("div", "row last", leave));
      return leave;
    }
    const path = `${API}/link?${query}`;
    /** @type {LinkDoc | null} */
    const told = await ask(path, undefined, "GET");
    return told && new SharePanel(place, close, path, files.length, told).first;
  },
});

class SharePanel {
  #path;
  #words;
  #place;
  #close;
  #link = element("div");
  #box = element("input");
  #carries = element("p", "carries aside");
  #last = element("div", "row last");
  #told;

  /**
   * @param {HTMLElement} place
   * @param {() => void} close
   * @param {string} path the link's path in the API
   * @param {number} count the number of results
   * @param {LinkDoc} told the state of the link
   */
  constructor(place, close, path, count, told) {
    this.#place = place;
    this.#close = close;
    this.#path = path;
    this.#words = wordsFor(count);
    this.#told = told;
    const withPrompt = told.has_prompt ? [this.#withPrompt()] : [];
    const before = told.is_new ? [] : [element("p", "before", SHARED)];
    if (told.others) before.push(element("p", "before", othersOf(told.others)));
    const anyone = ONLY_HERE ? "" : this.#words.withoutSignIn;
    const readers = `${told.needs_sign_in ? FOR_ACCOUNTS : anyone} ${UNTIL}`;
    const reach = [...onlyHereWords(), element("p", "aside", readers)];
    place.append(...before, this.#link, ...reach, ...withPrompt, this.#carries, this.#last);
    this.#show();
  }

  /** The element that gets the focus. */
  get first() {
    const { address, can_strip: canStrip } = this.#told;
    return address
      ? $("input", this.#link)
      : canStrip
        ? $("button:last-of-type", this.#last)
        : this.#box;
  }

  #show() {
    const { address, can_strip: canStrip, others } = this.#told;
    const includes = this.#box.checked;
    const link = address ? linkField(root + address) : null;
    this.#link.replaceChildren(...(link?.parts ?? []));
    const { withMetadata, withoutMetadata, notWithout } = this.#words;
    const without = canStrip ? withoutMetadata : notWithout;
    this.#carries.textContent = includes ? withMetadata : without;
    this.#box.disabled = Boolean(address) && includes && !canStrip;
    const create = button(message("Create link"), () => this.#create(), "button primary");
    create.ariaDisabled = String(!includes && !canStrip);
    const stop = iconButton("close", () => this.#ask(), "bare");
    stop.textContent = message("Stop sharing");
    const aside = address || others ? [stop] : [];
    const leave = this.#leave(message("Cancel"));
    this.#last.replaceChildren(...aside, ...(address ? [] : [leave, create]));
    return link;
  }

  /** Create the link with the chosen contents, and copy it. */
  async #create() {
    if (await this.#change()) this.#show()?.copy();
  }

  /** @returns {Promise<boolean>} whether the app has shared everything; if not, the error is already shown */
  async #change() {
    /** @type {LinkDoc | null} */
    const told = await ask(`${this.#path}&prompt=${this.#box.checked}`);
    if (told) this.#told = told;
    return told !== null;
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
    this.#keepOnly(this.#told.others ? FROM_ALL : FOR_GOOD, [
      this.#leave(message("Cancel")),
      button(message("Stop sharing"), () => this.#end(), "button primary"),
    ]);
  }

  async #end() {
    if (!(await ask(this.#path, undefined, "DELETE"))) return;
    this.#keepOnly(STOPPED, [this.#leave(message("Close"))]);
  }

  /** @param {string} text */
  #leave(text) {
    return button(text, this.#close);
  }

  /**
   * Replace the panel's contents with a sentence and buttons.
   * @param {string} said
   * @param {HTMLButtonElement[]} buttons the first gets the focus
   */
  #keepOnly(said, buttons) {
    this.#place.replaceChildren(element("p", "", said), this.#last);
    this.#last.replaceChildren(...buttons);
    announce(said);
    buttons[0]?.focus();
  }
}
