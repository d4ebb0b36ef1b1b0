// @ts-check
// Strip of a chain's steps below the stage: overall progress, and each step's result.

import { elapsedWords } from "../clock.js";
import { confirm } from "../confirm.js";
import { addressOf, all, announce, button, element, fillIn } from "../dom.js";
import { goOn } from "../form/chain.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { hasSeed, showErrorsSoon } from "../form/field_errors.js";
import { tilesOf } from "../history/past.js";
import { tileFor } from "../history/tile.js";
import { labeled, message, withEllipsis } from "../messages.js";
import { API, ask, get } from "../requests.js";
import {
  canContinue,
  errorsOf,
  fractionOfChain,
  phaseOf,
  redoable,
  runsOf,
  seenChain,
  stepNumber,
} from "../runs/chains.js";
import { lookBackAt } from "../runs/following.js";
import { current, seen } from "../runs/runs.js";
import { page } from "../state.js";

/** @import { ChainDoc, HistoryDoc, StepDoc } from "../documents.js" */
/** @import { PageState, PastRun } from "../state.js" */

/** @type {Record<StepDoc["state"], string>} */
const STATES = {
  waiting: message("Waiting"),
  running: message("Running"),
  done: message("Done"),
  failed: message("Failed"),
  stopped: message("Stopped"),
};

/** Shown for a step without seeds. */
const ALWAYS_THE_SAME = message("Change the settings to get a different result.");
const OTHERS_KEEP = message("The other steps keep their previous settings.");

export class ChainStrip {
  /** The root element. */
  place = element("section", "chain stack");
  #headline = element("p", "chain-headline breaks");
  #bar = element("div", "run-bar");
  #filled = element("span");
  #steps = element("ol", "steps");
  #results = new StepResults();
  #why = element("p", "chain-why");
  #note = element("p", "chain-note aside");
  #same = "";
  #again = button(message("Continue"), () => this.#chain && goOn(this.#chain), "button continue");
  /** The step on the stage if it is done and can run again. @type {StepDoc | undefined} */
  #done;
  #redo = button("", () => this.#chain && goOn(this.#chain, this.#done?.name), "quiet redo");
  #forget = button(
    withEllipsis(message("Clear progress")),
    () => this.#chain && askToForget(this.#chain),
    "quiet",
  );
  /** @type {ChainDoc | null} */
  #chain = null;
  #drawn = "";
  /** The highest progress shown for a chain: its bar never goes back. */
  #reached = { id: "", fraction: 0 };
  #errors = "";
  /** Key of the ended chain, with its runs, whose last result has been brought to the stage. */
  #shown = "";

  constructor() {
    this.place.ariaLabel = message("Steps");
    this.#bar.role = "progressbar";
    this.#bar.ariaLabel = message("Progress of all steps");
    this.#bar.append(this.#filled);
    const head = element("div", "chain-head flow");
    head.append(this.#headline, this.#again, this.#redo, this.#forget);
    const { place } = this.#results;
    this.place.append(head, this.#note, this.#bar, this.#why, this.#steps, place);
    page.subscribe((now) => this.#show(now));
  }

  /** @param {PageState} state */
  #show(state) {
    const chain = seenChain(state);
    this.#chain = chain;
    this.place.hidden = !chain;
    this.#showErrors(state);
    this.#showEnd(state);
    if (!chain) return;
    this.#showBar(chain, state);
    const run = seen(state)?.id ?? "";
    this.#done = redoable(chain, run);
    const next = canContinue(chain) ? chain.steps[stepNumber(chain) - 1] : undefined;
    const started = this.#done ?? next; // the step that a button would start
    const isHere = state.form === chain.workflow;
    const always = isHere && this.#done && !hasSeed(this.#done.name) ? ALWAYS_THE_SAME : "";
    const others = isHere && chain.steps.length > 1 ? OTHERS_KEEP : "";
    this.#redo.title = [always, others].filter(Boolean).join(" ");
    const same = this.#done?.same ? sameWords(chain, this.#done) : "";
    const elsewhere = started && !isHere ? elsewhereWords(chain, started) : "";
    const kept = next && isHere ? keptWords(chain) : "";
    this.#showNote(same, elsewhere || kept || (same && always));
    const steps = chain.steps.map((step) => ({ step, phase: phaseOf(step, state) }));
    const wanted = JSON.stringify([chain, run, steps]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    this.place.dataset.state = chain.state;
    this.#headline.textContent = headlineOf(chain);
    this.#steps.replaceChildren(
      ...steps.map(({ step, phase }) => stepFor(chain, step, run, phase)),
    );
    this.#results.show(chain, run);
    const failed = chain.steps.find(({ state: phase }) => phase === "failed");
    // If the failed run is on the stage, the status there already says why.
    const isSaid = failed && runsOf(failed).includes(run);
    const why = isSaid ? [] : [failed?.why, failed?.hint, chain.why];
    this.#why.textContent = why.filter(Boolean).join(" ");
    this.#again.hidden = !canContinue(chain);
    this.#forget.hidden = !canContinue(chain); // a finished chain has no progress to clear
    this.#redo.hidden = !this.#done;
    this.#redo.textContent = this.#done ? redoWords(chain, this.#done) : "";
  }

  /**
   * @param {string} same that a step ran again with the same result, or ""
   * @param {string} more the reason, or which settings the next step would use, or ""
   */
  #showNote(same, more) {
    const words = [same, more].filter(Boolean).join(" ");
    if (this.#note.textContent !== words) this.#note.textContent = words;
    if (same && same !== this.#same) announce(same);
    this.#same = same;
  }

  /** @param {ChainDoc} chain @param {PageState} state */
  #showBar(chain, { runs }) {
    const fraction = fractionOfChain(chain, runs);
    const before = this.#reached.id === chain.id ? this.#reached.fraction : 0;
    const reached = Math.max(before, fraction);
    const percent = Math.round(100 * reached);
    // A finished chain may run a step again, and its bar must then start over.
    this.#reached = { id: chain.id, fraction: chain.state === "done" ? 0 : reached };
    this.#filled.style.width = `${percent}%`;
    this.#bar.setAttribute("aria-valuenow", String(percent));
    this.#bar.hidden = chain.state === "done";
  }

  /** @param {PageState} state */
  #showErrors(state) {
    const errors = errorsOf(state);
    const wanted = JSON.stringify([state.form, errors]);
    if (wanted === this.#errors) return;
    this.#errors = wanted;
    // Let the current form show its own messages first.
    if (Object.keys(errors).length) setTimeout(() => showErrorsSoon(errors));
  }

  /**
   * Show the last result of a chain that ended without a followed run, because its steps were done before or at once.
   * @param {PageState} state
   */
  #showEnd(state) {
    const { followed, chains } = state;
    const chain = chains.find(({ id }) => id === followed);
    if (!chain || chain.state === "running") return;
    const ended = JSON.stringify([followed, chain.steps.map(runsOf)]);
    const run = seen(state);
    const isSeen = chain.steps.some((step) => runsOf(step).includes(run?.id ?? ""));
    // If the page still considers the run in progress, the run's own socket will report its end.
    if (ended === this.#shown || (isSeen && run === current(state))) return;
    this.#shown = ended;
    const last =
      chain.steps.find(({ same }) => same) ?? chain.steps.findLast((step) => resultOf(chain, step));
    const made = last && resultOf(chain, last);
    if (made && !isSeen) lookBackAt({ id: made.run });
  }
}

/** @param {ChainDoc} chain */
function headlineOf(chain) {
  const { title, steps, seconds } = chain;
  const count = steps.length;
  const number = stepNumber(chain);
  const step = steps[number - 1]?.title ?? "";
  const place = message("{step} ({number} of {count})", { number, count, step });
  switch (chain.state) {
    case "done": {
      const isTimed = seconds !== null && seconds >= 1;
      const duration = isTimed ? elapsedWords(seconds) : "";
      return labeled(title, isTimed ? message("Done in {duration}", { duration }) : STATES.done);
    }
    case "failed":
    case "stopped":
      return `${labeled(title, STATES[chain.state])} · ${place}`;
    default:
      return place;
  }
}

/** @param {ChainDoc} chain */
const askToForget = ({ id, title }) =>
  confirm(
    message("Clear the progress of “{chain}”?", { chain: title }),
    message(
      "Its results stay in the history. You won't be able to continue the chain or run its steps again.",
    ),
    message("Clear progress"),
    () => ask(`${API}/chains/${id}`, undefined, "DELETE"),
  );

/**
 * Return the label of the button that runs a step again. Later steps follow if its result differs.
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 */
const redoWords = ({ steps }, step) =>
  step === steps.at(-1)
    ? message("Run “{step}” again", { step: step.title })
    : message("Run again from “{step}”", { step: step.title });

/**
 * Return the note that a step ran again with the same result.
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 */
const sameWords = ({ steps }, step) =>
  step === steps.at(-1)
    ? message("“{step}” ran again with the same result.", { step: step.title })
    : message("“{step}” ran again with the same result, so the steps that use it didn't run.", {
        step: step.title,
      });

/**
 * Return the note that a step keeps its settings while the form on the page isn't its chain's.
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 */
const elsewhereWords = ({ title }, step) =>
  message("“{step}” will run with its previous settings. Open “{chain}” to change them.", {
    step: step.title,
    chain: title,
  });

/**
 * Return the note that finished steps ignore changes in the form when the chain continues.
 * @param {ChainDoc} chain
 */
function keptWords({ steps }) {
  const done = steps.flatMap(({ state, title }) => (state === "done" ? [title] : []));
  return done.length
    ? message(
        "Finished steps keep their settings: {steps}. To use changed settings, press Generate.",
        {
          steps: done.join(", "),
        },
      )
    : "";
}

/** @param {ChainDoc} chain @param {StepDoc} step @returns a step's result as the page shows it */
const resultOf = ({ page: shown }, { name }) => shown?.results[name];

/**
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 * @param {string} run the run on the stage
 * @param {StepDoc["state"]} phase
 */
function stepFor(chain, step, run, phase) {
  const result = resultOf(chain, step);
  const place = element("li");
  place.dataset.state = step.state;
  const shown = element("span", "shown");
  if (result?.thumb) {
    const image = element("img");
    Object.assign(image, { alt: "", src: addressOf(result.thumb) });
    shown.append(image);
  } else if (result?.text) {
    shown.append(element("span", "text", result.text));
    shown.title = result.text;
  }
  const state = step.runs > 1 && phase !== "waiting" ? countOf(step) : STATES[phase];
  const words = [element("span", "name", step.title), element("span", "state", state)];
  const label = labeled(step.title, state);
  if (result) {
    const made = button("", () => lookBackAt({ id: result.run }), "step");
    made.ariaLabel = label;
    made.ariaPressed = String(runsOf(step).includes(run));
    made.append(shown, ...words);
    place.append(made);
  } else {
    const made = element("div", "step", shown, ...words);
    place.append(made);
  }
  return place;
}

/** @param {StepDoc} step */
const countOf = ({ done, runs }) => message("{done} of {count} done", { done, count: runs });

const MOST = 60; // runs per request

/** Results of a step that has several runs. Pressing a tile shows its run on the stage. */
class StepResults {
  /** The root element. */
  place = element("div", "step-results");
  /** The address for requesting the step's runs. */
  #address = "";
  /** The run on the stage. */
  #run = "";
  /** The step's finished runs in order. @type {readonly string[]} */
  #ended = [];
  /** @type {Map<string, HTMLElement>} */
  #tiles = new Map();
  #isAsking = false;

  constructor() {
    this.place.role = "group";
    this.place.hidden = true;
    letDrag(this.place, draggedRun);
  }

  /** @param {ChainDoc} chain @param {string} run the run on the stage */
  show(chain, run) {
    const own = `${API}/chains/${chain.id}/`;
    const step = chain.steps.find((one) => runsOf(one).includes(run));
    // The chain will list this run in a moment.
    if (!step && this.#address.startsWith(own) && chain.state === "running") return;
    const isSeen = step !== undefined && step.runs > 1;
    this.place.hidden = !isSeen;
    if (!isSeen) return;
    this.place.ariaLabel = message("Results of “{step}”", { step: step.title });
    const address = `${own}steps/${encodeURIComponent(step.name)}/results`;
    if (address !== this.#address) this.#tiles.clear();
    this.#address = address;
    this.#ended = [...new Set(step.ended)]; // may list a run twice
    const isOther = run !== this.#run;
    this.#run = run;
    this.#draw();
    if (isOther) this.#bringIn(this.#tiles.get(run));
    this.#load();
  }

  /** Scroll a tile into view, but never the page. @param {HTMLElement | undefined} tile */
  #bringIn(tile) {
    if (!tile) return;
    const { scrollLeft, clientWidth, offsetLeft } = this.place;
    const start = tile.offsetLeft - offsetLeft;
    const least = start + tile.offsetWidth - clientWidth;
    this.place.scrollLeft = Math.min(Math.max(scrollLeft, least), start);
  }

  /** Show the tiles in order. Those in view stay where they are. */
  #draw() {
    const { scrollLeft, offsetLeft } = this.place;
    const isInView = (/** @type {HTMLElement} */ tile) =>
      tile.offsetLeft - offsetLeft >= scrollLeft;
    const stays = all(".tile", this.place).find(isInView);
    const before = stays?.offsetLeft ?? 0;
    fillIn(
      this.place,
      this.#ended.flatMap((id) => this.#tiles.get(id) ?? []),
    );
    if (stays?.isConnected && scrollLeft) this.place.scrollLeft += stays.offsetLeft - before;
    for (const [id, tile] of this.#tiles) tile.ariaPressed = String(id === this.#run);
  }

  async #load() {
    const wanted = this.#ended.filter((id) => !this.#tiles.has(id)).slice(0, MOST);
    if (!wanted.length || this.#isAsking) return;
    this.#isAsking = true;
    const [address, ended] = [this.#address, this.#ended];
    const runs = new URLSearchParams(wanted.map((id) => ["run", id]));
    /** @type {HistoryDoc | null} */
    const list = await get(`${address}?${runs}`);
    this.#isAsking = false;
    if (address === this.#address)
      for (const run of tilesOf(list?.runs ?? []))
        this.#tiles.set(
          run.id,
          tileFor(run, () => this.#lookAt(run)),
        );
    this.#draw();
    // Runs that are missing in the answer have been deleted, unless the step has changed since the request.
    if (ended !== this.#ended || wanted.some((id) => this.#tiles.has(id))) this.#load();
  }

  /** @param {PastRun} run */
  async #lookAt(run) {
    if (await lookBackAt(run)) return;
    this.#tiles.delete(run.id); // it has been deleted
    this.#draw();
  }
}
