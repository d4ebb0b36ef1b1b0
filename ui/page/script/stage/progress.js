// @ts-check
// Status lines below the stage: a run's progress and outcome in words.

import { durationWords, elapsedWords } from "../clock.js";
import { $, announce, button, closeButton, element, isStill, tell } from "../dom.js";
import { fieldId, foldedKeys, showErrors } from "../form/field_errors.js";
import { labeled, message, plural } from "../messages.js";
import { chainOf } from "../runs/chains.js";
import { forget } from "../runs/following.js";
import { headlineOf, saidOf } from "../runs/places.js";
import { adviceOf, current, seen, waiting } from "../runs/runs.js";
import { say } from "../state.js";
import { noteOf } from "./empty_stage.js";

/** @import { Notice, PageState, Run } from "../state.js" */

const NO_NEWS = message("Waiting for updates…");
const STARTING = message("Starting");
const CLOSABLE = message("you can close this page");
const CLOSABLE_AFTER = 10; // seconds; users wait for shorter runs
const STOPS = message("Stops if you close this page");
const TROUBLE = ["failed", "refused", "lost"];
const EVERY = 1000;
const SPOKEN_EVERY = 5000;
const PASSING = [{ transform: "translateX(-110%)" }, { transform: "translateX(340%)" }];

/**
 * The status shown, and the run that it is about.
 * @typedef {{ id: string, phase: string, headline: string, advice: string, detail: string, fraction: number | null,
 *   run: Run | null, silent: boolean }} Said
 */

/**
 * Return the status to show now. It is about the run on the stage.
 * @param {PageState} state
 * @returns {Said}
 */
export function saidNow(state) {
  const going = current(state);
  const { notice } = state;
  const nothing = { id: "", detail: "", fraction: null, run: null, silent: false };
  if (!going && notice && !notice.beside && !noteOf(state)) return { ...nothing, ...notice };
  const run = seen(state);
  const view = run?.view;
  if (!run) return { ...nothing, phase: "", headline: "", advice: "" };
  // While the ComfyUI server can't be reached, the start of a run is unknown.
  const waits = !view || view.phase === "waiting" ? state.serverAway : "";
  if (!view) {
    const headline = waits || (run.entry ? saidOf(run, state, performance.now()) : STARTING);
    return { ...nothing, phase: "waiting", headline, advice: untilItIsBack(state) };
  }
  const silent = run === going && Boolean(state.away) && !run.connected;
  const { id, phase, progress: fraction } = view;
  const { detail } = view.page;
  const headline = waits || headlineOf(run, state, performance.now());
  const advice = adviceOf(view, state.form) || (view.finished ? "" : untilItIsBack(state));
  return silent
    ? { id, phase, headline: NO_NEWS, advice: "", detail, fraction: null, run, silent }
    : { id, phase, headline, advice, detail, fraction, run, silent };
}

/**
 * Return how many runs wait for an unreachable ComfyUI server, so that the user sees that Generate worked.
 * @param {PageState} state
 */
function untilItIsBack(state) {
  const count = state.serverAway ? waiting(state).length : 0;
  return count
    ? plural(
        "{count} run is waiting and starts when ComfyUI is back.",
        "{count} runs are waiting and start when ComfyUI is back.",
        { count },
      )
    : "";
}

/**
 * Return how long a run has taken, and its workflow if another form is on the page. A step's result names its chain
 * below. While the ComfyUI server can't be reached, the remaining time is unknown.
 * @param {Run} run
 * @param {PageState} state
 * @param {number} now `performance.now()`
 */
export function timesOf(run, state, now) {
  const { view, at } = run;
  const { form, serverAway } = state;
  if (!view) return "";
  const isOther = view.workflow !== form;
  const { title } = view;
  if (view.finished && (!isOther || view.page.part_of)) return "";
  if (view.finished) return labeled(message("Workflow"), title);
  const since = (now - at) / 1000;
  const seconds = view.page.elapsed + since;
  const time = elapsedWords(seconds);
  const left =
    view.seconds_left === null || serverAway ? "" : durationWords(view.seconds_left - since);
  // The bar below belongs to the whole chain, and its steps have names of their own.
  const isStep = chainOf(state, run) !== null;
  if (isStep && serverAway) return "";
  return [
    isOther && !isStep && title,
    isStep ? labeled(message("This step"), time) : time,
    left && message("about {time} left", { time: left }),
    view.page.blind && message("no live preview for this workflow"),
    view.page.keeps_going && seconds > CLOSABLE_AFTER && CLOSABLE,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The status lines below the stage, and the notice beside them. */
export class Progress {
  /** The root element. */
  place = element("div", "status");
  /** The root element of the notice. */
  objection = element("div", "objection flow");
  #headline = element("p", "headline breaks");
  #bar = element("div", "run-bar");
  #filled = element("span");
  #times = element("p", "times muted digits");
  #closing = element("p", "closing muted");
  #advice = element("p", "advice");
  #detail = element("details", "detail");
  #text = element("pre");
  #offers = element("div", "offers wraps");
  #dismiss = closeButton(dismiss, "dismiss", message("Dismiss"));
  /** The current notice. @type {Notice | null} */
  #notice = null;
  /** The wrong field that a button leads to. @type {HTMLElement | null} */
  #wrong = null;
  /** The failed run that *Dismiss* takes off the stage. */
  #failed = "";
  /** The bar's animation while the progress is unknown. */
  #passing;
  #spoken = { heard: "", words: "", at: 0 };
  /** @type {PageState | null} */
  #state = null;

  constructor() {
    announce(""); // screen readers announce changes only in a live region that already exists
    this.#bar.role = "progressbar";
    this.#bar.ariaLabel = message("Progress");
    this.#bar.append(this.#filled);
    this.#passing = this.#filled.animate(PASSING, {
      duration: 1600,
      iterations: Infinity,
      easing: "ease-in-out",
    });
    this.#detail.append(element("summary", "", message("Technical details")), this.#text);
    this.objection.role = "alert";
    this.place.append(
      this.#headline,
      this.#times,
      this.#bar,
      this.#closing,
      this.#advice,
      this.#detail,
      this.#offers,
    );
    setInterval(() => {
      if (this.#state && current(this.#state)) this.show(this.#state);
    }, EVERY);
  }

  /**
   * @param {PageState} state
   * @returns {Said} the status shown
   */
  show(state) {
    this.#state = state;
    const said = saidNow(state);
    tell(this.#headline, said.headline);
    tell(this.#advice, said.advice);
    tell(this.#text, said.detail);
    this.#detail.hidden = !said.detail;
    this.place.classList.toggle("trouble", TROUBLE.includes(said.phase));
    this.#showBar(said);
    const { notice } = state;
    const timed = said.silent ? null : said.run;
    tell(this.#times, timed ? timesOf(timed, state, performance.now()) : "");
    const view = timed?.view;
    tell(this.#closing, view && !view.finished && !view.page.keeps_going ? STOPS : "");
    const failed = said.run?.view?.finished && TROUBLE.includes(said.phase) ? said.id : "";
    this.#showNotice(notice, wrongOf(said, state), failed);
    this.#speak(said);
    return said;
  }

  /**
   * @param {Notice | null} notice
   * @param {Wrong | null} wrong
   * @param {string} failed the failed run on the stage, or ""
   */
  #showNotice(notice, wrong, failed) {
    const field = wrong?.field ?? null;
    if (notice === this.#notice && field === this.#wrong && failed === this.#failed) return;
    this.#notice = notice;
    this.#wrong = field;
    this.#failed = failed;
    const offers = (notice?.offers ?? []).map(({ label, does }) => button(label, does));
    const ways = notice?.beside ? [] : [...offers];
    if (wrong) ways.push(leadTo(wrong));
    if (failed) ways.push(closeButton(() => forget(failed), "dismiss", message("Dismiss")));
    this.#offers.replaceChildren(...ways);
    const isHere = notice?.beside && !notice.ofFields; // about fields, Generate says it
    const words = isHere ? [notice.headline, notice.advice].filter(Boolean).join(" ") : "";
    const parts = [element("p", "", words), ...offers, this.#dismiss];
    this.objection.classList.toggle("trouble", TROUBLE.includes(notice?.phase ?? ""));
    this.objection.replaceChildren(...(words ? parts : []));
  }

  /** @param {Said} said */
  #showBar({ phase, fraction, silent }) {
    this.#bar.hidden = silent || !["running", "waiting"].includes(phase);
    const percent = fraction === null ? null : Math.round(100 * fraction);
    this.#bar.classList.toggle("unknown", percent === null);
    if (percent === null && !isStill() && !this.#bar.hidden) this.#passing.play();
    else this.#passing.cancel(); // even a hidden animation makes the browser paint constantly
    this.#filled.style.translate = percent === null ? "" : `${percent - 100}%`;
    if (percent === null) this.#bar.removeAttribute("aria-valuenow");
    else this.#bar.setAttribute("aria-valuenow", String(percent));
  }

  /**
   * Announce the headline to screen readers when the phase changes, or the node at most every few seconds. Don't
   * announce every step.
   * @param {Said} said
   */
  #speak({ id, phase, headline }) {
    const [heard, words] = [`${id}${phase}`, withoutNumbers(headline)];
    const isNew = heard !== this.#spoken.heard;
    if (!isNew && words === this.#spoken.words) return;
    if (!isNew && performance.now() < this.#spoken.at + SPOKEN_EVERY) return;
    this.#spoken = { heard, words, at: performance.now() };
    announce(headline);
  }
}

/** @param {string} headline @returns a headline without the numbers that change at every step */
const withoutNumbers = (headline) => headline.replaceAll(/\d+/g, "");

/**
 * The field that made a run fail, with all of the run's errors.
 * @typedef {{ field: HTMLElement | null, errors: Readonly<Record<string, string>> }} Wrong
 */

/**
 * Return the field that made the run on the stage fail, or null if it isn't in the form.
 * @param {Said} said
 * @param {PageState} state
 * @returns {Wrong | null}
 */
function wrongOf({ run, phase }, { form }) {
  const view = run?.view;
  if (!view || view.workflow !== form || !TROUBLE.includes(phase)) return null;
  const [first = ""] = Object.keys(view.errors);
  const key = view.page.failed_field || first;
  const field = document.getElementById(fieldId(key));
  return field || foldedKeys().includes(key) ? { field, errors: view.errors } : null;
}

/** @param {Wrong} wrong */
function leadTo({ field, errors }) {
  const isModel = field && $(".browse-models", field);
  const label = isModel ? message("Choose another model") : message("Go to the field");
  return button(label, () => void showErrors(errors));
}

/** Remove the notice and move the focus to Generate. */
function dismiss() {
  say("");
  $("#generate")?.focus({ preventScroll: true });
}
