// @ts-check
// Starts runs and chains with the form's values, and continues chains. Uses the same API as external programs.

import { pause } from "../clock.js";
import { isSeed, sayRefusal } from "../form/field_errors.js";
import { filled } from "../form/filled.js";
import { drawSeeds, startedRun } from "../form/replaced.js";
import { showSeeds } from "../form/seeds.js";
import { keptValues, sentValues } from "../form/values.js";
import { userName } from "../gradio.js";
import { counts } from "../making/counts.js";
import { message, plural } from "../messages.js";
import { API, json, newKey, request, SILENT } from "../requests.js";
import { textSources } from "../stage/text_sources.js";
import { page, say } from "../state.js";
import { follow, followChain, keepsGoing, waitingKey } from "./following.js";
import { dropPress, keepPress, nextPress, TOO_OLD } from "./kept_presses.js";
import { agreesToPay, asksToPay } from "./payment.js";
import { current } from "./runs.js";

/** @import { RunDoc, RunsDoc } from "../documents.js" */
/** @import { HeldField } from "../form/values.js" */
/** @import { Problem } from "../requests.js" */
/** @import { Press } from "./kept_presses.js" */

const GOES_ON = ":goes-on";
const SHUTS_DOWN = ":shutting-down";
const NOT_STARTED = message("Your run wasn't started.");
const WAITS = [SILENT, message("Your run starts when the connection is back.")].join(" ");

/**
 * Return the API address of a resource below a workflow or a chain.
 * @param {string} name
 * @param {string} rest
 */
export const apiOf = (name, rest) =>
  `${API}/workflows/${name.split("/").map(encodeURIComponent).join("/")}/${rest}`;

/**
 * Return what a press on Generate sends of the current form.
 * @param {Record<string, unknown>} [held] the values of its fields, by default the last known ones
 */
export const sentForm = (held = filled.now.held) => ({
  values: sentValues(held, filled.now.used, isSeed),
  text_sources: textSources(),
});

/** Keys of the presses that are on their way to the app. @type {Set<string>} */
const sent = new Set();
let isRetrying = false;
/** The last run that a press has started: its id, and what makes its result. */
let last = { id: "", made: "" };

/**
 * Handle a press on Generate.
 * @param {string} name the name of the workflow or chain
 * @param {boolean} isChain
 * @param {readonly HeldField[]} fields
 * @param {readonly unknown[]} values the values of all components
 */
export async function press(name, isChain, fields, values) {
  const held = { ...filled.now.held, ...keptValues(fields, values) };
  const form = { ...sentForm(held), watched: true };
  const body = isChain ? form : { ...form, count: counts.now.runs, keeps_going: keepsGoing() };
  const pressed = { key: newKey(), at: Date.now(), user: userName(), name, isChain, held, body };
  keepPress(pressed);
  if (await send(pressed)) return [];
  if (nextPress(userName())) sendKept();
  else sayNotStarted(); // private windows may have no storage
  return [];
}

/**
 * Send the presses that the app hasn't answered, also those from before a reload, until it answers. Old ones aren't
 * started, and the page says so.
 */
export async function sendKept() {
  if (isRetrying) return;
  isRetrying = true;
  for (let tries = 0; ; ) {
    const next = nextPress(userName(), sent);
    if (!next) break;
    if (Date.now() - next.at > TOO_OLD) {
      dropPress(next.key);
      sayNotStarted();
    } else if (await send(next, true)) tries = 0;
    else await new Promise((resolve) => setTimeout(resolve, pause(tries++)));
  }
  isRetrying = false;
}

function sayNotStarted() {
  page.set({ sending: false });
  say(NOT_STARTED, [SILENT, message("Press Generate again.")].join(" "));
}

/** Tell the user that a press is kept, once. */
function sayKept() {
  if (page.now.notice?.headline === WAITS) return;
  const forget = () => {
    for (let next = nextPress(userName()); next; next = nextPress(userName())) dropPress(next.key);
    page.set({ sending: false });
    say("");
  };
  // Without a run on the stage, the message is the page's status, as “Sending…” was.
  const phase = current(page.now) ? "refused" : "waiting";
  say(WAITS, "", phase, [{ label: message("Don't start it"), does: forget }]);
}

/**
 * Send a press. Give up once the page knows that the app is away.
 * @param {Press} pressed
 * @param {boolean} [isLate] whether it was sent before
 * @returns {Promise<boolean>} whether the app has answered, or the user has withdrawn it
 */
async function send(pressed, isLate = false) {
  const { key, name, isChain, body, held } = pressed;
  const aborting = new AbortController();
  const leave = page.subscribe(({ away }, before) => {
    if (away && !before.away) aborting.abort();
  });
  sent.add(key);
  const address = apiOf(name, isChain ? "chains" : "runs");
  const headers = { "idempotency-key": key, "x-run-socket": isChain ? "" : waitingKey() };
  const answer = await request(address, json(body), "POST", headers, aborting.signal);
  sent.delete(key);
  leave();
  const isAway = answer.isSilent || answer.problem?.type?.endsWith(SHUTS_DOWN);
  if (isAway && isLate && nextPress(userName())) sayKept(); // unless the user has withdrawn it meanwhile
  // The app may still be starting it since the connection was lost.
  if (isAway || answer.problem?.type?.endsWith(GOES_ON)) return false;
  dropPress(key);
  if (asksToPay(answer.problem)) await pay(pressed, answer.why);
  else if (!answer.told) refuse(answer, isLate);
  else if (isChain) showChain(name, held, answer.told);
  else showRuns(name, held, Number(body.count), answer.told);
  return true;
}

/**
 * Send a press again if the user agrees to pay.
 * @param {Press} pressed
 * @param {string} why the nodes and their prices
 */
async function pay(pressed, why) {
  page.set({ sending: false });
  if (!current(page.now)) say("");
  if (!(await agreesToPay(why))) return;
  page.set({ sending: true });
  const body = { ...pressed.body, confirm_paid: true };
  const again = { ...pressed, key: newKey(), at: Date.now(), body };
  keepPress(again);
  if (!(await send(again))) sendKept();
}

/** @param {string} name @param {Record<string, unknown>} held @param {number} count @param {RunsDoc} told */
function showRuns(name, held, count, { runs, refused }) {
  const [first] = runs;
  if (first) {
    follow(first.id);
    tellSame(first, JSON.stringify([name, held, first.seeds]));
  }
  showUsed(name, held, runs.at(-1)?.seeds ?? {});
  if (!refused) return;
  const { detail, hint: advice = "" } = refused;
  const queued = plural(
    "{queued} of {count} run was queued.",
    "{queued} of {count} runs were queued.",
    { count, queued: runs.length },
  );
  sayRefusal({ message: queued, hint: `${detail} ${advice}`.trim(), errors: {} });
}

/**
 * Say that a run makes the last one's result again, and offer another seed.
 * @param {RunDoc} run
 * @param {string} made its workflow, values and seeds
 */
function tellSame({ id, seeds }, made) {
  const hasResult = page.now.runs.get(last.id)?.view?.phase === "done";
  if (hasResult && made === last.made && Object.keys(seeds).length) {
    const does = () => {
      say("");
      drawSeeds();
    };
    const words = message("Same settings and seed, so the result is the same.");
    say(words, "", "done", [{ label: message("Use a random seed"), does }]);
  }
  last = { id, made };
}

/**
 * Continue a chain with its form's values.
 * @param {string} name
 * @param {string} id
 * @param {readonly string[]} again names of finished steps to run again
 */
export async function continueChain(name, id, again) {
  page.set({ sending: true });
  const { held } = filled.now;
  const body = { ...sentForm(held), again };
  const answer = await request(`${API}/chains/${id}/continue`, json(body));
  if (!answer.told) refuse(answer);
  else showChain(name, held, answer.told);
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} held
 * @param {{ id: string, seeds: Record<string, string> }} chain
 */
function showChain(name, held, { id, seeds }) {
  followChain(id);
  showUsed(name, held, seeds);
}

/**
 * Show the seeds that were used. Counting seeds continue from them.
 * @param {string} name
 * @param {Record<string, unknown>} held the form's values at the press
 * @param {Record<string, string>} seeds by field key
 */
function showUsed(name, held, seeds) {
  startedRun();
  if (filled.now.name !== name) return;
  filled.set({ used: seeds });
  showSeeds(name, seeds, held);
}

/**
 * Show why the app has refused a press.
 * @param {{ why: string, hint: string, problem: Problem | null }} answer
 * @param {boolean} [isLate] whether the press was kept, so that its user may not expect an answer anymore
 */
function refuse({ why, hint, problem }, isLate = false) {
  page.set({ sending: false });
  const places = (problem?.problems ?? []).flatMap(({ field, sentence }) =>
    field === null ? [] : [[field, sentence]],
  );
  const errors = problem?.errors ?? {};
  const isOfFields = Object.keys(errors).length > 0;
  const said = isOfFields ? message("Fix the highlighted fields.") : why;
  sayRefusal({
    message: isLate ? NOT_STARTED : said,
    hint: isLate ? [said, hint].join(" ").trim() : hint,
    errors,
    labelled: Object.fromEntries(places),
  });
}
