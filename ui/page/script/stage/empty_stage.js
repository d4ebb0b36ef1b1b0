// @ts-check
// The empty stage: the user's latest result with the workflow, which opens, or its author's example, with ideas to try
// below. Without either, it says where the result will appear. Without a form, it offers ways to choose a workflow.

import { ifUnshowable } from "../arrivals.js";
import { $, addressOf, all, button, element, isNarrow } from "../dom.js";
import { isEdited, isPrivate, whyOff } from "../editor/editing.js";
import { fieldId } from "../form/field_errors.js";
import { whileShown } from "../form/filled.js";
import { tryOut } from "../form/ideas.js";
import { mayOpen } from "../form/workflows.js";
import { clipOf } from "../history/tile.js";
import { message } from "../messages.js";
import { showLatest } from "../runs/following.js";
import { NO_EXAMPLE, page } from "../state.js";
import { mayStart, openTemplates } from "../templates/open.js";

/** @import { SharedValues } from "../documents.js" */
/** @import { Sound } from "../results/sound_player.js" */
/** @import { Idea, Notice, PageState, PastRun } from "../state.js" */

/** @type {Readonly<Record<string, string>>} */
const ICONS = { audio: "sound", video: "play" }; // by the kind of results
const EXAMPLE = message("Example");
const BEFORE = message("Before");
const SHARED = message("Settings from a shared result");
const TRY = message("Ideas to try:");
const NOTHING_YET = message("Your result will appear here.");
const NO_FORM = message("Choose a workflow first.");
const DROP = message("Drop a workflow file anywhere to open it.");

/** @param {PageState} state */
const lastMade = ({ past, form }) => past.find((run) => run?.workflow === form && run.page.kind);

/** @param {PageState} state @returns the shared result whose settings are in the form */
const sharedOf = ({ shared, form }) => (shared?.workflow === form ? shared : null);

/**
 * Return whether the user's last result is known. Until then the example stays hidden, or it might be replaced at once.
 * @param {PageState} state
 */
const isKnown = ({ pastOf, form }) => pastOf === form;

/**
 * Return the notice that the empty stage shows below its picture, or null. Other notices are in the status.
 * @param {PageState} state
 * @returns {Notice | null}
 */
export const noteOf = ({ notice, formless }) =>
  notice && !formless && !notice.beside && !notice.phase && !notice.offers.length ? notice : null;

export class EmptyStage {
  /** The root element. */
  place = element("div", "empty");
  /** Ideas or other ways to begin, below the stage. */
  ways = element("div", "other-ways flow");
  #ideas = element("div", "ideas");
  #drawn = "";
  /** Watches for fields that appear late: Gradio draws a field only after loading its component. */
  #fields = new MutationObserver(() => {
    this.#placeIdeas();
    if (this.#bare && imageIn() !== this.#given) this.show(this.#bare, true);
  });
  /** The state without any example, for which the form's image stands. @type {PageState | null} */
  #bare = null;
  #given = "";
  /** The first idea. @type {Idea | undefined} */
  #first;

  constructor() {
    this.#ideas.role = "group";
    this.#ideas.ariaLabel = TRY;
    this.hide();
    addEventListener("resize", () => this.#placeIdeas());
  }

  /** Keep the picture, dimmed, until the first preview or the result of a run. */
  dim() {
    if (this.place.hidden) return;
    this.#hideWays();
    this.place.classList.toggle("former", $(".picture", this.place) !== null);
    if (!this.place.matches(".former")) this.hide();
  }

  hide() {
    this.#bare = null;
    this.#hideWays();
    this.place.hidden = true;
    const players = /** @type {HTMLMediaElement[]} */ (all("audio, video", this.place));
    for (const player of players) player.pause();
  }

  /** Hide the ideas and the other ways to begin. If one of them had the focus, Generate gets it. */
  #hideWays() {
    const isLeft = [this.#ideas, this.ways].some((one) => one.contains(document.activeElement));
    this.#ideas.hidden = this.ways.hidden = true;
    if (isLeft) $("#generate")?.focus({ preventScroll: true });
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
    this.place.hidden = this.ways.hidden = false;
    this.place.classList.remove("former");
    const shared = sharedOf(state);
    const why = whyOff(state);
    const own = lastMade(state);
    const isMaking = state.batches.some((batch) => batch.state === "running"); // more of them
    const hasIdeas = !shared && !own && (!state.blocked || isEdited(state.form));
    const ideas = hasIdeas ? state.ideas : [];
    this.#ideas.hidden = !ideas.length;
    const cover = isKnown(state) ? state.cover : NO_EXAMPLE;
    const isComing = Boolean(state.cover.url) && !isKnown(state);
    this.#bare = isKnown(state) && !shared && !own && !cover.url && !why ? state : null;
    this.#given = this.#bare ? imageIn() : "";
    const hasPicture = Boolean(shared || own || cover.url || this.#given);
    const words = !isKnown(state) || hasPicture ? "" : why || NOTHING_YET;
    const note = noteOf(state);
    const noted = note ? `${note.headline} ${note.advice}`.trim() : "";
    const wanted = JSON.stringify([
      shared?.url,
      own?.id,
      isMaking,
      cover,
      this.#given,
      isComing,
      ideas,
      words,
      why,
      noted,
      mayOpen(),
      mayStart(),
    ]);
    if (wanted !== this.#drawn) {
      this.#drawn = wanted;
      const kind = imageOf() instanceof HTMLVideoElement ? "video" : "image";
      const isBefore = state.makes === kind && !isGuide(imageOf()); // a later state of it
      const picture = this.#given ? [givenImage(this.#given, kind, isBefore, cover.line)] : [];
      const given = isComing && !this.#given ? [roomFor()] : picture;
      const theirs = cover.url ? [coverOf(cover)] : given;
      const example = own ? roomOf(own) : theirs;
      if (own && !isMaking && !shared && !noted) showLatest(own);
      const parts = shared ? [figureOf(shared, SHARED)] : example;
      const icon = why ? "unfinished" : (ICONS[state.makes] ?? "picture");
      const ways = ideas.length > 1 && !this.#bare ? [] : otherWays(state);
      const line = why ? "" : cover.line;
      const facts = words && line ? [element("p", "muted", line)] : [];
      if (words) parts.push(cardOf(icon, words, ...facts, ...ways));
      if (noted) parts.push(element("p", "noted", noted));
      this.place.replaceChildren(...parts);
      this.ways.replaceChildren(...(words ? [] : ways));
      this.#ideas.replaceChildren(element("p", "", TRY), ...ideas.map(cardFor));
    }
    [this.#first] = ideas;
    this.#placeIdeas();
    const form = $("#form-side");
    if (form)
      this.#fields.observe(form, {
        childList: true,
        subtree: true,
        attributeFilter: ["data-image", "src"],
      });
  }

  /** Offer ways to choose a workflow if there is no form. */
  #offerWorkflows() {
    this.place.hidden = false;
    this.#ideas.hidden = this.ways.hidden = true;
    const wanted = JSON.stringify(["no form", mayOpen(), mayStart()]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const ways = element("div", "ways-in wraps rigid");
    ways.append(button(message("Choose a workflow"), () => $("#picker .chosen")?.click()));
    if (mayStart()) ways.append(fromTemplate());
    const card = cardOf("form", NO_FORM, ways);
    if (mayOpen()) {
      ways.append(button(message("Open a workflow…"), () => $("#open button")?.click()));
      card.append(element("p", "hint", DROP));
    }
    this.place.replaceChildren(card);
  }

  /**
   * Move the ideas to the field that they fill in the one-column layout. Otherwise they are below the stage, or in it if
   * it shows no picture.
   */
  #placeIdeas() {
    const [key = ""] = Object.keys(this.#first?.values ?? {});
    const beside = $(".state-card", this.place) ? this.place : this.ways;
    const place = (isNarrow() && document.getElementById(fieldId(key))) || beside;
    if (this.#ideas.parentElement !== place) place.append(this.#ideas);
  }
}

/** Return the first image or video in front, preferably one that is seen in the result. */
function imageOf() {
  const fields = "#form-side [id^=field-]:not(.guide.painted, .section *)";
  const images = all(`${fields} :is(.image-frame img, [data-image], video)`);
  return images.find((one) => !isGuide(one)) ?? images[0];
}

/** Return whether this is a control image. @param {HTMLElement | undefined} image */
const isGuide = (image) => Boolean(image?.closest(".guide"));

/** Return the address of the image or video in front, "" without one. */
function imageIn() {
  const place = imageOf();
  if (place instanceof HTMLVideoElement) return place.error ? "" : place.src;
  return place instanceof HTMLImageElement ? place.src : (place?.dataset.image ?? "");
}

/**
 * Return the form's image or the first picture of its video, dimmed, in the place of the result.
 * @param {string} address
 * @param {"image" | "video"} kind
 * @param {boolean} isBefore
 * @param {string} line what the workflow makes
 */
function givenImage(address, kind, isBefore, line) {
  const box = (kind === "video" ? firstFrameOf : exampleOf)(address, isBefore ? BEFORE : "");
  box.classList.add("given");
  const words = element("span", "muted", line);
  $(".example", box)?.append(element("strong", "", NOTHING_YET, ...(line ? [words] : [])));
  return box;
}

/** @param {string} address @param {string} words */
function firstFrameOf(address, words) {
  const video = clipOf(address);
  const caption = words ? [element("figcaption", "", words)] : [];
  const example = element("figure", "example", video, ...caption);
  video.onloadedmetadata = () => shape(example, video.videoWidth, video.videoHeight);
  return element("div", "picture", example);
}

/** @param {import("../state.js").Example} cover */
function coverOf({ url, before, kind }) {
  if (kind === "video") return figureOf({ url, kind }, EXAMPLE);
  return exampleOf(url, EXAMPLE, null, before);
}

/** @param {string} icon @param {string} words @param {...HTMLElement} ways */
function cardOf(icon, words, ...ways) {
  const card = element("div", "state-card", element("strong", "", words), ...ways);
  card.dataset.icon = icon;
  return card;
}

/**
 * Return the way to the missing parts, and other ways to begin, as far as this user may. A user who has opened the
 * workflow knows those ways.
 * @param {PageState} state
 */
const otherWays = ({ lacks, form }) => [
  ...(lacks ? [toMissing()] : []),
  ...(mayStart() && !isPrivate(form) ? [fromTemplate()] : []),
  ...(mayOpen() && !isPrivate(form) ? [element("p", "hint", DROP)] : []),
];

function fromTemplate() {
  const made = button(message("Start from a template…"), openTemplates, "button from-template");
  made.dataset.icon = "plus";
  return made;
}

const toMissing = () =>
  button(message("See what's missing"), () => $("#missing-parts")?.showPopover());

/** Return an idea's button. The author's own text is hidden while the form holds it. @param {Idea} idea */
function cardFor(idea) {
  const card = button("", () => tryOut(idea), "idea");
  card.title = idea.label;
  if (idea.cover)
    card.append(Object.assign(element("img"), { src: addressOf(idea.cover), alt: "" }));
  card.append(element("span", "", idea.label));
  const given = Object.entries(idea.values);
  whileShown(card, ({ values, authors }) => {
    const isOwn = given.every(([key, value]) => authors[key] === value && values[key] === value);
    card.hidden = isOwn && given.length > 0;
  });
  return card;
}

/**
 * Return the picture of the user's last result, until the result itself is there.
 * @param {PastRun} run
 */
const roomOf = ({ page: { thumb, image } }) =>
  thumb ? [exampleOf(image ?? thumb, "", thumb)] : [];

/** @param {Pick<SharedValues, "url" | "kind">} file @param {string} words */
function figureOf({ url, kind }, words) {
  if (kind === "image") return exampleOf(url, words);
  const figure = element("figure", "sound");
  if (kind === "audio") {
    addPlayer(figure, { url, name: words });
    return figure;
  }
  const player = element("video");
  Object.assign(player, { src: addressOf(url), controls: true, loop: true, ariaLabel: words });
  figure.append(player, element("figcaption", "", words));
  return figure;
}

/** @param {HTMLElement} figure @param {Sound} sound */
async function addPlayer(figure, sound) {
  figure.append(element("figcaption", "", sound.name));
  const { SoundPlayer } = await import("../results/sound_player.js");
  figure.prepend(new SoundPlayer(sound).place);
}

/** Return the room of a picture that isn't known yet. */
function roomFor() {
  const box = element("div", "picture", element("figure", "example"));
  return box;
}

/**
 * Return a picture in its own box, which has the picture's shape once it is loaded.
 * @param {string} address
 * @param {string} words
 * @param {string | null} [thumb] for an image that the browser can't show
 * @param {string} [before] address of an image to compare it with
 */
function exampleOf(address, words, thumb, before = "") {
  const box = element("div", "picture");
  const example = element("figure", "example");
  const image = element("img");
  if (thumb) example.style.background = `center / cover url("${addressOf(thumb)}")`; // until the image has loaded
  const onload = () => {
    shape(example, image.naturalWidth, image.naturalHeight);
    if (before) compare(example, image, before);
  };
  ifUnshowable(image, () => {
    if (thumb) image.src = addressOf(thumb);
    else page.set({ cover: { ...page.now.cover, url: "" } });
  });
  Object.assign(image, { alt: "", src: addressOf(address), onload });
  example.append(image, ...(words ? [element("figcaption", "", words)] : []));
  box.append(example);
  return box;
}

/** @param {HTMLElement} example @param {number} width @param {number} height */
function shape(example, width, height) {
  example.style.setProperty("--ratio", String(width / height));
  example.style.setProperty("--natural", `${width}px`);
}

/** @param {HTMLElement} example @param {HTMLImageElement} image @param {string} before */
async function compare(example, image, before) {
  const { Before } = await import("./before.js");
  const slider = new Before();
  example.append(slider.place);
  await slider.offer(image, before, true);
  $("figcaption", example)?.toggleAttribute("hidden", !slider.place.hidden);
}
