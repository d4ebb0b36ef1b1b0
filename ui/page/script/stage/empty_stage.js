// @ts-check
// What the stage shows where nothing else is on it: the last image or sound that the person made with the workflow, or else its
// author's, and ideas to try; where there is no form, what leads to one.

import { $, addressOf, all, button, element, isNarrow } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { tryOut } from "../form/ideas.js";
import { mayOpen } from "../form/workflows.js";
import { message } from "../messages.js";
import { audioOf, waveformOf } from "./media.js";

/** @import { Idea, PageState, PastRun } from "../state.js" */

const EXAMPLE = message("An example of what this workflow makes.");
const OWN = message("The last image you made with this workflow.");
const OWN_SOUND = message("The last sound you made with this workflow.");
const TRY = message("Ideas to try:");
const NOTHING_YET = message("Fill in the form and press Generate to see the result here.");
const NO_FORM = message("Choose a workflow first.");
const DROP = message("Drop a workflow file anywhere to open it.");

/** @param {PageState} state */
const lastMade = ({ past, form }) =>
  past.find((run) => run?.workflow === form && (run.page.thumb || run.page.sound));

/**
 * Whether it is known what was made last: one image does not take another's place as soon as it is seen.
 * @param {PageState} state
 */
const isKnown = ({ pastOf, form }) => pastOf === form;

/**
 * Whether there is neither an image nor an idea to show, so that the stage says in words where the result will be.
 * @param {PageState} state
 */
const isBare = (state) =>
  isKnown(state) && !lastMade(state) && !state.cover && !state.ideas.length && !state.blocked;

/**
 * Whether it says itself what it shows of this person's, or where the result will be.
 * @param {PageState} state
 */
export const isSaid = (state) => isKnown(state) && (isBare(state) || Boolean(lastMade(state)));

export class EmptyStage {
  /** The place on the page. */
  place = element("div", "empty");
  #ideas = element("div", "ideas");
  #drawn = "";
  /** Gradio draws a field once it has loaded what it is made of: that may be after all else. */
  #fields = new MutationObserver(() => this.#placeIdeas());
  /** The first of the ideas. @type {Idea | undefined} */
  #first;

  constructor() {
    this.#ideas.role = "group";
    this.#ideas.ariaLabel = TRY;
    this.hide();
    addEventListener("resize", () => this.#placeIdeas());
  }

  hide() {
    this.place.hidden = true;
    this.#ideas.hidden = true;
    const players = /** @type {HTMLMediaElement[]} */ (all("audio", this.place));
    for (const player of players) player.pause();
  }

  /**
   * @param {PageState} state
   * @param {boolean} isEmpty whether there is nothing else to show
   */
  show(state, isEmpty) {
    const isWithout = state.formless && $("#no-form") !== null;
    if (!isEmpty || (state.formless && !isWithout)) {
      this.hide();
      return;
    }
    if (isWithout) {
      this.#offerWorkflows();
      return;
    }
    this.place.hidden = false;
    this.place.dataset.makes = state.makes;
    const ideas = state.blocked ? [] : state.ideas;
    this.#ideas.hidden = !ideas.length;
    const own = lastMade(state);
    const cover = isKnown(state) ? state.cover : "";
    const saysSo = isBare(state);
    const wanted = JSON.stringify([own?.id, cover, ideas, saysSo, mayOpen()]);
    if (wanted !== this.#drawn) {
      this.#drawn = wanted;
      const parts = own ? [lastOf(own)] : cover ? [exampleOf(cover, EXAMPLE)] : [];
      if (saysSo) parts.push(element("p", "nothing-yet", NOTHING_YET));
      if (mayOpen()) parts.push(element("p", "hint", DROP));
      this.place.replaceChildren(...parts);
      const chips = ideas.map((idea) => button(idea.label, () => tryOut(idea), "idea button"));
      this.#ideas.replaceChildren(element("p", "", TRY), ...chips);
    }
    [this.#first] = ideas;
    this.#placeIdeas();
    const form = $("#form-side");
    if (form) this.#fields.observe(form, { childList: true, subtree: true });
  }

  /** There is no form: what leads to one. */
  #offerWorkflows() {
    this.place.hidden = false;
    this.#ideas.hidden = true;
    const wanted = JSON.stringify(["no form", mayOpen()]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const ways = element("div", "ways-in");
    ways.append(button(message("Choose a workflow"), () => $("#picker .chosen")?.click()));
    const parts = [element("p", "nothing-yet", NO_FORM), ways];
    if (mayOpen()) {
      ways.append(button(message("Open a workflow…"), () => $("#open button")?.click()));
      parts.push(element("p", "hint", DROP));
    }
    this.place.replaceChildren(...parts);
  }

  /**
   * Where form and stage stand in one column, the ideas are at the field that they go into.
   */
  #placeIdeas() {
    const [key = ""] = Object.keys(this.#first?.values ?? {});
    const field = isNarrow() ? document.getElementById(fieldId(key)) : null;
    if (this.#ideas.parentElement === (field ?? this.place)) return;
    if (field) field.append(this.#ideas);
    else {
      const hint = $(".hint", this.place);
      if (hint) hint.before(this.#ideas);
      else this.place.append(this.#ideas);
    }
  }
}

/** @param {PastRun} run */
function lastOf({ page: { thumb, sound } }) {
  if (!sound) return exampleOf(thumb ?? "", OWN);
  const example = element("figure", "example");
  const player = audioOf({ url: sound, name: OWN_SOUND });
  example.append(...waveformOf({ thumb }), player, element("figcaption", "", OWN_SOUND));
  return example;
}

/**
 * @param {string} address
 * @param {string} words
 */
function exampleOf(address, words) {
  const example = element("figure", "example");
  const image = element("img");
  Object.assign(image, { alt: "", src: addressOf(address), onerror: () => example.remove() });
  example.append(image, element("figcaption", "", words));
  return example;
}
