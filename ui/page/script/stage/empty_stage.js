// @ts-check
// The empty stage: the last image or sound that the user made with the workflow, or its author's example, and ideas to
// try. Without a form, it offers ways to choose a workflow.

import { $, addressOf, all, button, element, isNarrow } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { tryOut } from "../form/ideas.js";
import { mayOpen } from "../form/workflows.js";
import { mayStart, openGallery } from "../gallery/gallery.js";
import { message } from "../messages.js";
import { rememberRuns } from "../runs/following.js";
import { asideRun } from "../runs/runs.js";
import { page } from "../state.js";
import { audioOf, waveformOf } from "./media.js";

/** @import { Idea, PageState, PastRun } from "../state.js" */

const EXAMPLE = message("Example");
const OWN = message("Your latest result");
const TRY = message("Ideas to try:");
const NOTHING_YET = message("Your result will appear here.");
const NO_FORM = message("Choose a workflow first.");
const DROP = message("Drop a workflow file anywhere to open it.");

/** @param {PageState} state */
const lastMade = ({ past, form }) =>
  past.find((run) => run?.workflow === form && (run.page.thumb || run.page.sound));

/**
 * Return whether the user's last result is known. Until then the example stays hidden, or it might be replaced at once.
 * @param {PageState} state
 */
const isKnown = ({ pastOf, form }) => pastOf === form;

/**
 * Return whether there is neither an image nor an idea to show, so that the stage says where the result will appear.
 * @param {PageState} state
 */
const isBare = (state) =>
  isKnown(state) && !lastMade(state) && !state.cover && !state.ideas.length && !state.blocked;

/**
 * Return whether the stage shows the user's own result with a caption, or says where the result will appear.
 * @param {PageState} state
 */
export const isSaid = (state) => isKnown(state) && (isBare(state) || Boolean(lastMade(state)));

/** @param {string | null} shown id of the result to show, null for the example */
function show(shown) {
  page.set({ shown, notice: null });
  rememberRuns(); // the choice survives a reload
}

export class EmptyStage {
  /** The root element. */
  place = element("div", "empty");
  /** Switches between the form's example and another workflow's result that it has replaced. */
  choice = element("div", "example-or-result");
  #example = button(EXAMPLE, () => show(null), "chip");
  #result = button(OWN, () => show(page.now.aside), "chip");
  #ideas = element("div", "ideas");
  #drawn = "";
  /** Watches for fields that appear late: Gradio draws a field only after loading its component. */
  #fields = new MutationObserver(() => this.#placeIdeas());
  /** The first idea. @type {Idea | undefined} */
  #first;

  constructor() {
    this.#ideas.role = "group";
    this.#ideas.ariaLabel = TRY;
    this.choice.role = "group";
    this.choice.ariaLabel = message("Shown");
    this.choice.append(this.#example, this.#result);
    this.choice.hidden = true;
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
    const aside = asideRun(state);
    this.choice.hidden = !aside || state.formless;
    this.#example.ariaPressed = String(state.shown === null);
    this.#result.ariaPressed = String(state.shown !== null);
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
    const wanted = JSON.stringify([own?.id, cover, ideas, saysSo, mayOpen(), mayStart()]);
    if (wanted !== this.#drawn) {
      this.#drawn = wanted;
      const parts = own ? [lastOf(own)] : cover ? [exampleOf(cover, EXAMPLE)] : [];
      if (saysSo) parts.push(element("p", "nothing-yet", NOTHING_YET));
      if (mayOpen()) parts.push(element("p", "hint", DROP));
      if (mayStart()) parts.push(fromTemplate());
      this.place.replaceChildren(...parts);
      const chips = ideas.map((idea) => button(idea.label, () => tryOut(idea), "idea button"));
      this.#ideas.replaceChildren(element("p", "", TRY), ...chips);
    }
    [this.#first] = ideas;
    this.#placeIdeas();
    const form = $("#form-side");
    if (form) this.#fields.observe(form, { childList: true, subtree: true });
  }

  /** Offer ways to choose a workflow if there is no form. */
  #offerWorkflows() {
    this.place.hidden = false;
    this.#ideas.hidden = true;
    const wanted = JSON.stringify(["no form", mayOpen(), mayStart()]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const ways = element("div", "ways-in");
    ways.append(button(message("Choose a workflow"), () => $("#picker .chosen")?.click()));
    if (mayStart()) ways.append(fromTemplate());
    const parts = [element("p", "nothing-yet", NO_FORM), ways];
    if (mayOpen()) {
      ways.append(button(message("Open a workflow…"), () => $("#open button")?.click()));
      parts.push(element("p", "hint", DROP));
    }
    this.place.replaceChildren(...parts);
  }

  /**
   * Move the ideas to the field that they fill in the one-column layout, and to the stage otherwise.
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

const fromTemplate = () =>
  button(message("Start from a template…"), openGallery, "button from-template");

/** @param {PastRun} run */
function lastOf({ page: { thumb, sound } }) {
  if (!sound) return exampleOf(thumb ?? "", OWN);
  const example = element("figure", "example");
  const player = audioOf({ url: sound, name: OWN });
  example.append(...waveformOf({ thumb }), player, element("figcaption", "", OWN));
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
