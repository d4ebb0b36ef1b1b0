// @ts-check
// The steps of a chain below the stage: how far all are, and what each has made.

import { elapsedWords } from "../clock.js";
import { confirm } from "../confirm.js";
import { addressOf, announce, button, element } from "../dom.js";
import { goOn } from "../form/chain.js";
import { hasSeed, showErrorsSoon } from "../form/field_errors.js";
import { labeled, message, withEllipsis } from "../messages.js";
import { API, ask } from "../requests.js";
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
import { StepResults } from "./step_results.js";

/** @import { ChainDoc, StepDoc } from "../documents.js" */
/** @import { PageState } from "../state.js" */

/** @type {Record<StepDoc["state"], string>} */
const STATES = {
  waiting: message("Waiting"),
  running: message("Running"),
  done: message("Done"),
  failed: message("Failed"),
  stopped: message("Stopped"),
};

/** Said of a step in which nothing is drawn. */
const ALWAYS_THE_SAME = message("Only other settings give another result.");
const OTHERS_KEEP = message("The other steps keep the settings they had.");

export class ChainStrip {
  /** The place on the page. */
  place = element("section", "chain");
  #headline = element("p", "chain-headline");
  #bar = element("div", "bar");
  #filled = element("span");
  #steps = element("ol", "steps");
  #results = new StepResults();
  #why = element("p", "chain-why");
  #note = element("p", "chain-note");
  #same = "";
  #again = button(message("Continue"), () => this.#chain && goOn(this.#chain), "button continue");
  /** The step on the stage, where it is done and can be run again. @type {StepDoc | undefined} */
  #done;
  #redo = button("", () => this.#chain && goOn(this.#chain, this.#done?.name), "quiet redo");
  #forget = button(
    withEllipsis(message("Forget")),
    () => this.#chain && askToForget(this.#chain),
    "quiet",
  );
  /** @type {ChainDoc | null} */
  #chain = null;
  #drawn = "";
  /** How far it was: one bar never goes back. */
  #reached = { id: "", fraction: 0 };
  #errors = "";
  /** The chain, and its runs, of which a result is shown though none was seen here. */
  #shown = "";

  constructor() {
    this.place.ariaLabel = message("Steps");
    this.#bar.role = "progressbar";
    this.#bar.ariaLabel = message("Progress of all steps");
    this.#bar.append(this.#filled);
    const head = element("div", "chain-head");
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
    const started = this.#done ?? next; // by one of the buttons
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
    // Where the run that failed is seen, it says itself why.
    const isSaid = failed && runsOf(failed).includes(run);
    const why = isSaid ? [] : [failed?.why, failed?.hint, chain.why];
    this.#why.textContent = why.filter(Boolean).join(" ");
    this.#again.hidden = !canContinue(chain);
    this.#forget.hidden = chain.state === "running";
    this.#redo.hidden = !this.#done;
    this.#redo.textContent = this.#done ? redoWords(chain, this.#done) : "";
  }

  /**
   * @param {string} same what a step has made that ran again, ""
   * @param {string} more why, or what the next one would run with, ""
   */
  #showNote(same, more) {
    const words = [same, more].filter(Boolean).join(" ");
    if (this.#note.textContent !== words) this.#note.textContent = words;
    if (same && same !== this.#same) announce(same);
    this.#same = same;
  }

  /**
   * @param {ChainDoc} chain
   * @param {PageState} state
   */
  #showBar(chain, { runs }) {
    const fraction = fractionOfChain(chain, runs);
    const before = this.#reached.id === chain.id ? this.#reached.fraction : 0;
    const reached = Math.max(before, fraction);
    const percent = Math.round(100 * reached);
    // One that is done may yet run a step again.
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
    // The form that is there now says first what it has to say.
    if (Object.keys(errors).length) setTimeout(() => showErrorsSoon(errors));
  }

  /**
   * A chain of which all was done before, or at once, has no run that was followed: its last result is shown.
   * @param {PageState} state
   */
  #showEnd(state) {
    const { followed, chains } = state;
    const chain = chains.find(({ id }) => id === followed);
    if (!chain || chain.state === "running") return;
    const ended = JSON.stringify([followed, chain.steps.map(runsOf)]);
    const run = seen(state);
    const isSeen = chain.steps.some((step) => runsOf(step).includes(run?.id ?? ""));
    // Of one that goes on as far as this page knows its own socket has yet to tell.
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
  switch (chain.state) {
    case "done":
      return seconds !== null && seconds >= 1
        ? message("{chain}: all steps are done. They took {duration}.", {
            chain: title,
            duration: elapsedWords(seconds),
          })
        : message("{chain}: all steps are done.", { chain: title });
    case "failed":
    case "stopped":
      return message("{chain}: stopped at step {number} of {count}, “{step}”.", {
        chain: title,
        number,
        count,
        step,
      });
    default:
      return message("Step {number} of {count}: {step}", { number, count, step });
  }
}

/** @param {ChainDoc} chain */
const askToForget = ({ id, title }) =>
  confirm(
    message("Forget “{chain}”?", { chain: title }),
    message(
      "Its results stay, each with the workflow that made it. You won't be able to continue the chain or run its steps again.",
    ),
    message("Forget"),
    () => ask(`${API}/chains/${id}`, undefined, "DELETE"),
  );

/**
 * What runs a step again does: those after it follow where it makes something else.
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 */
const redoWords = ({ steps }, step) =>
  step === steps.at(-1)
    ? message("Run “{step}” again", { step: step.title })
    : message("Run again from “{step}”", { step: step.title });

/**
 * That a step has run again for nothing.
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
 * What a step runs with while another form than its chain's is there.
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 */
const elsewhereWords = ({ title }, step) =>
  message("“{step}” would run with the settings it had. Open “{chain}” to change them.", {
    step: step.title,
    chain: title,
  });

/**
 * Which changes in the form count for nothing where the chain goes on.
 * @param {ChainDoc} chain
 */
function keptWords({ steps }) {
  const done = steps.flatMap(({ state, title }) => (state === "done" ? [title] : []));
  return done.length
    ? message(
        "Steps that are done keep their settings: {steps}. Only Generate uses changed ones.",
        {
          steps: done.join(", "),
        },
      )
    : "";
}

/**
 * What the page shows of a step's result.
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 */
const resultOf = ({ page: shown }, { name }) => shown?.results[name];

/**
 * @param {ChainDoc} chain
 * @param {StepDoc} step
 * @param {string} run the one on the stage
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
    const made = element("div", "step");
    made.append(shown, ...words);
    place.append(made);
  }
  return place;
}

/** @param {StepDoc} step */
const countOf = ({ done, runs }) => message("{done} of {count} done", { done, count: runs });
