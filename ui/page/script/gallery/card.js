// @ts-check
// One template in the gallery: its image, title, and what it needs here.

import { thumbFor } from "../components/chooser.js";
import { $, button, element } from "../dom.js";
import { message } from "../messages.js";
import { sizeWords } from "../sizes.js";

/** @import { ReadinessDoc, TemplateDoc } from "../documents.js" */

const LISTED = 2; // node packs that a card names

export class TemplateCard {
  place = element("li");
  #badges = element("span", "badges");
  #drawn = "";

  /**
   * @param {TemplateDoc} template
   * @param {(template: TemplateDoc, card: HTMLButtonElement) => void} open
   */
  constructor(template, open) {
    const { title, description } = template;
    const thumb = template.thumb && pictureOf(template);
    const card = button("", () => open(template, card), "card");
    card.dataset.id = template.id;
    card.title = description;
    const words = element("span", "words");
    words.append(element("strong", "", title), this.#badges);
    if (description) words.append(element("span", "about", description));
    const picture = thumbFor({ ...NO_CHOICE, title, thumb });
    picture.style.setProperty("--hue", String(hueOf(title))); // shows where there is no image
    card.append(picture, words);
    this.place.append(card);
  }

  get button() {
    return /** @type {HTMLButtonElement} */ ($("button", this.place));
  }

  /** Show what the template needs here. @param {ReadinessDoc | undefined} known */
  tell(known) {
    const badges = known ? badgesOf(known) : [];
    const drawn = JSON.stringify(badges);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#badges.replaceChildren(
      ...badges.map(([kind, words]) => element("span", `badge ${kind}`, words)),
    );
  }
}

/**
 * Return the address of a template's picture, which is below the host, not below the app's root.
 * @param {TemplateDoc} template
 */
export const pictureOf = ({ thumb }) => new URL(thumb ?? "", location.origin).href;

const NO_CHOICE = { name: "", description: "", group: "", own: false, note: "" };

/**
 * Return a hue that depends on a text, in degrees.
 * @param {string} text
 */
const hueOf = (text) =>
  [...text].reduce((hue, letter) => (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360, 0);

/**
 * Return the kinds and texts of a template's badges.
 * @param {ReadinessDoc} known
 * @returns {[string, string][]}
 */
function badgesOf(known) {
  const badge = needBadge(known);
  return known.is_paid ? [badge, ["paid", message("Costs credits")]] : [badge];
}

/**
 * @param {ReadinessDoc} known
 * @returns {[string, string]}
 */
function needBadge({ needs, size, packs, classes, version }) {
  switch (needs) {
    case "nothing":
      return ["runs", message("Runs now")];
    case "key":
      return ["off", message("Needs an API key")];
    case "models":
      return size
        ? ["models", message("Needs models ({size})", { size: sizeWords(size) })]
        : ["models", message("Needs models")];
    case "nodes":
      return ["nodes", message("Needs nodes: {names}", { names: namesOf(packs, classes) })];
    case "comfyui":
      return version === "?"
        ? ["comfyui", message("Needs a newer ComfyUI")]
        : ["comfyui", message("Needs ComfyUI {version} or newer", { version })];
    case "paid nodes":
      return ["off", message("Paid nodes are turned off")];
    case "choices":
      return ["choices", message("Needs other settings")];
    default:
      return ["off", message("Can't run here")];
  }
}

/**
 * @param {ReadinessDoc["packs"]} packs
 * @param {readonly string[]} classes
 */
function namesOf(packs, classes) {
  const names = [...packs.map(({ id }) => id), ...classes];
  const listed = names.slice(0, LISTED).join(", ");
  return names.length > LISTED ? `${listed}…` : listed;
}
