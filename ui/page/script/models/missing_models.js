// @ts-check
// The card's missing models: sizes, licenses, and downloads for administrators; others can ask for them.

import { durationWords } from "../clock.js";
import { $, all, announce, button, element, fillIn, tell } from "../dom.js";
import { copyOrTell, mountCopy, showDone } from "../form/copying.js";
import { labeled, message } from "../messages.js";
import { API, ask, get, json } from "../requests.js";
import { sizeWords } from "../sizes.js";

/** @import { MissingModelFile, MissingModels, ModelDownload } from "../documents.js" */

const LOOK_EVERY = 1000; // milliseconds

/** @param {ModelDownload} download */
const pathOf = ({ server, id }) => `${API}/admin/downloads/${server}/${encodeURIComponent(id)}`;

/** Row of one model. Its elements stay while the state changes, so that the focus stays, too. */
class ModelRow {
  place = element("li", "model");
  #about = element("span", "about aside");
  #state = element("span", "state smaller digits");
  #bar = element("progress");
  #buttons = element("span", "buttons in-line");
  #shown = "";

  /** @param {MissingModelFile} model @param {(row: ModelRow) => void} start @param {() => void} look */
  constructor(model, start, look) {
    this.model = model;
    this.start = start;
    this.look = look;
    this.#bar.ariaLabel = model.name;
    const name = element("code", "", model.name);
    name.title = model.url;
    this.place.append(name, this.#about, this.#state, this.#bar, this.#buttons);
  }

  /** @param {MissingModelFile} model @param {boolean} mayGet */
  show(model, mayGet) {
    this.model = model;
    const { download } = model;
    this.#showAbout(model);
    tell(this.#state, download ? downloadWords(download) : model.problem);
    this.#state.hidden = !this.#state.textContent;
    this.#bar.hidden = !download || download.state === "failed";
    if (download?.size && download.state !== "checking") {
      this.#bar.max = download.size;
      this.#bar.value = download.received;
    } else this.#bar.removeAttribute("value");
    const state = `${mayGet} ${model.can_get} ${download?.id ?? ""} ${download?.state ?? ""}`;
    if (state === this.#shown) return;
    this.#shown = state;
    const focused = this.#buttons.contains(document.activeElement);
    this.#buttons.replaceChildren(...(mayGet ? this.#actions(model) : this.#copying(model)));
    if (focused) $("button", this.#buttons)?.focus();
  }

  /** @param {MissingModelFile} model */
  #showAbout({ folder, size, license, alike }) {
    const facts = [
      folder && `models/${folder}`,
      size !== null && sizeWords(size),
      alike && message("The server has a file of this size: {name}", { name: alike }),
    ].filter(Boolean);
    const text = facts.join(" · ");
    if (this.#about.dataset.text === text) return;
    this.#about.dataset.text = text;
    this.#about.replaceChildren(text);
    if (!license) return;
    const link = element("a", "", message("License"));
    Object.assign(link, { href: license, target: "_blank", rel: "noopener noreferrer" });
    this.#about.append(text && " · ", link);
  }

  /** @param {MissingModelFile} model */
  #copying({ name, url }) {
    if (!url) return [];
    const copying = this.#action(message("Copy download link"), name, async () => {
      if (await copyOrTell(message("This couldn't be copied."), url))
        showDone(copying, message("Copied"));
    });
    copying.title = url;
    return [copying];
  }

  /** @param {MissingModelFile} model */
  #actions(model) {
    const { name, can_get: canGet, download } = model;
    if (!download && !canGet) return this.#copying(model);
    if (!download) return [this.#action(message("Get"), name, () => this.start(this))];
    const to = (/** @type {string} */ action) => () =>
      this.#act(ask(`${pathOf(download)}/${action}`));
    const first = {
      paused: [message("Resume"), "resume"],
      failed: [message("Try again"), "retry"],
      retrying: [message("Pause"), "pause"],
    }[download.state] ?? [message("Pause"), "pause"];
    const [words = "", action = ""] = first;
    return [
      this.#action(words, name, to(action)),
      this.#action(message("Cancel"), name, () =>
        this.#act(ask(pathOf(download), undefined, "DELETE")),
      ),
    ];
  }

  /** @param {string} words @param {string} name @param {() => void} does */
  #action(words, name, does) {
    const made = button(words, does, "quiet");
    made.ariaLabel = labeled(words, name);
    return made;
  }

  /** @param {Promise<unknown>} request */
  async #act(request) {
    await request;
    this.look();
  }
}

/** List of a workflow's missing models, which it reads again while downloads are active. */
class MissingModelList {
  #place;
  #path;
  #workflow;
  #demo;
  /** @type {Map<string, ModelRow>} */
  #rows = new Map();
  #list = element("ul", "models");
  #last = element("p", "last flow");
  #request = element("span", "request");
  #server = element("select");
  #timer = 0;
  #hasSizes = false;
  #shown = "";

  /** @param {HTMLElement} place @param {string} workflow @param {boolean} demo */
  constructor(place, workflow, demo) {
    this.#place = place;
    this.#demo = demo;
    this.#workflow = workflow;
    this.#path = `${API}/workflows/${encodeURIComponent(workflow)}/missing-models`;
    this.#server.ariaLabel = message("Server");
  }

  look = async () => {
    clearTimeout(this.#timer);
    /** @type {MissingModels | null} */
    const found = await get(this.#path);
    if (!this.#place.isConnected) return;
    if (found?.models.length || found?.may_ask || found?.asked) this.#show(found);
    const isBusy = !found || found.models.some(({ download }) => isActive(download));
    if (isBusy) this.#timer = window.setTimeout(this.look, LOOK_EVERY);
    const unknown = found?.models.some(({ size, can_get: canGet }) => canGet && size === null);
    if (found?.may_get && unknown && !this.#hasSizes) {
      this.#hasSizes = true;
      /** @type {MissingModels | null} */
      const sized = await get(`${this.#path}?with_sizes=true`);
      if (sized?.models.length && this.#place.isConnected) this.#show(sized);
    }
  };

  /** @param {MissingModels} found */
  #show(found) {
    const usable = found.servers.filter(({ problem }) => !problem);
    const mayGet = found.may_get && usable.length > 0;
    if (!this.#list.isConnected) this.#takePlace();
    for (const model of found.models) {
      const key = `${model.folder}/${model.name}`;
      const row =
        this.#rows.get(key) ?? new ModelRow(model, (one) => this.#get([one.model]), this.look);
      this.#rows.set(key, row);
      row.show(model, mayGet);
    }
    const keys = found.models.map(({ folder, name }) => `${folder}/${name}`);
    fillIn(
      this.#list,
      keys.flatMap((key) => this.#rows.get(key)?.place ?? []),
    );
    this.#showLast(found, mayGet);
  }

  /** Replace the lines of the models, which the dialog has without the script. */
  #takePlace() {
    for (const line of all("[data-model]", this.#place)) line.remove();
    $(".missing-parts > .last", this.#place)?.before(this.#list, this.#last);
    $(".missing > button", this.#place)?.after(this.#request);
  }

  /** @param {MissingModels} found @param {boolean} mayGet */
  #showLast(found, mayGet) {
    const wanted = found.models.filter((model) => model.can_get && !model.download);
    const total = totalSize(wanted);
    const problems = found.servers.map(({ problem }) => problem).filter(Boolean);
    const step = found.may_get && !this.#demo ? nextStep(found.models, mayGet) : "";
    const state = JSON.stringify([mayGet, wanted.length, total, problems, found.asked, step]);
    if (state === this.#shown) return;
    this.#shown = state;
    const usable = found.servers.filter(({ problem }) => !problem);
    const parts = [];
    if (mayGet && wanted.length > 1) {
      const words = total
        ? message("Get all ({size})", { size: sizeWords(total) })
        : message("Get all");
      parts.push(button(words, () => this.#get(wanted), "quiet"));
    }
    if (mayGet && usable.length > 1 && wanted.length) parts.push(this.#servers(found));
    if (found.may_get && !usable.length && problems[0]) parts.push(problems[0]);
    if (step) parts.push(element("span", "about aside", step));
    this.#last.replaceChildren(...parts);
    if (found.asked) tell(this.#request, message("You asked the administrator."));
    else if (found.may_ask)
      this.#request.replaceChildren(
        button(message("Ask an administrator"), () => this.#ask(), "quiet"),
      );
  }

  /** @param {MissingModels} found */
  #servers({ servers }) {
    const chosen = this.#server.value;
    const options = servers.filter(({ problem }) => !problem);
    this.#server.replaceChildren(
      ...options.map(({ number, name }) => new Option(name, String(number))),
    );
    if (options.some(({ number }) => String(number) === chosen)) this.#server.value = chosen;
    return this.#server;
  }

  /** @param {readonly MissingModelFile[]} models */
  async #get(models) {
    const files = models.map(({ name }) => name);
    const server = Number(this.#server.value);
    await ask(`${API}/admin/downloads`, json({ workflow: this.#workflow, files, server }));
    this.look();
  }

  async #ask() {
    if (!(await ask(`${this.#path}/request`))) return;
    announce(message("You asked the administrator."));
    this.look();
  }
}

/**
 * Connect the card of missing parts.
 * @param {HTMLElement} place
 * @param {string} workflow
 * @param {boolean} demo the server is the stand-in
 */
export function mountMissing(place, workflow, demo) {
  mountCopy(place);
  $(".reload", place)?.addEventListener("click", () => $("#reload-models")?.click());
  new MissingModelList(place, workflow, demo).look();
}

const ACTIVE = ["waiting", "running", "checking", "retrying"];

/**
 * Return how an administrator gets the models that the app can't download.
 * @param {readonly MissingModelFile[]} models
 * @param {boolean} mayGet
 */
function nextStep(models, mayGet) {
  const others = models.filter(({ download, can_get: can }) => !download && !(mayGet && can));
  if (!others.length) return "";
  const put = message("Put each file into its folder below models, then press “Reload models”.");
  if (others.every(({ url }) => url)) return put;
  const search = message("Search the web for files without a link.");
  return `${search} ${put}`;
}

/** @param {ModelDownload | null} download */
const isActive = (download) => Boolean(download && ACTIVE.includes(download.state));

/**
 * Return the size of all files that can be downloaded, or null if some sizes are unknown.
 * @param {readonly MissingModelFile[]} models
 */
function totalSize(models) {
  const sizes = models.map(({ size }) => size);
  return sizes.every((size) => size !== null) ? sizes.reduce((sum, size) => sum + size, 0) : null;
}

/** @param {ModelDownload} download */
function downloadWords({ state, received, size, speed, problem }) {
  const amount =
    size === null
      ? sizeWords(received)
      : message("{part} of {whole}", { part: sizeWords(received), whole: sizeWords(size) });
  const left = size !== null && speed > 0 ? durationWords((size - received) / speed) : "";
  switch (state) {
    case "waiting":
      return message("Waiting for other downloads");
    case "running":
      return [
        amount,
        speed > 0 && message("{size}/s", { size: sizeWords(speed) }),
        left && message("about {time} left", { time: left }),
      ]
        .filter(Boolean)
        .join(" · ");
    case "checking":
      return message("Checking the file…");
    case "retrying":
      return [amount, problem, message("Retrying…")].join(" · ");
    case "paused":
      return [message("Paused"), amount].join(" · ");
    default:
      return problem;
  }
}
