// @ts-check
// The results of an album as a wall, with filters, a selection, and what people say of each. The list and the selection
// are the history's.

import { untilRetry } from "page/clock.js";
import { confirm } from "page/confirm.js";
import { $, announce, button, downloadLink, element, iconButton, root, tell } from "page/dom.js";
import { formDialog } from "page/form_dialog.js";
import { MOST_BESIDE } from "page/history/comparable.js";
import { History } from "page/history/list.js";
import { Selection } from "page/history/selection.js";
import { offerUndo } from "page/history/undo.js";
import { inTurn } from "page/in_turn.js";
import { message, plural, withEllipsis, withKey } from "page/messages.js";
import { ask } from "page/requests.js";
import { page, say } from "page/state.js";
import { countWords } from "./album_cards.js";
import { albumChoice, tellOf } from "./album_choice.js";
import { albumAt, reach, send, withName } from "./calls.js";
import { compareItems } from "./compare.js";
import { DISPUTED, Filters, RULE, TO_REVIEW, TO_SETTLE } from "./filters.js";
import { checkBox } from "./form_dialog.js";
import { KEPT, REJECTED, reviewWords, saidBy, tilesOf } from "./items.js";
import { Review, votesOf } from "./review.js";

/** @import { AlbumHead } from "./album_head.js" */
/** @import { AlbumDoc, Counts, ItemDoc, ItemsPage } from "./documents.js" */
/** @import { PastRun } from "page/state.js" */

const LIMIT = "200"; // items per request
const HEIGHTS = { small: 220, large: 320 }; // pixels, of a row: people compare the results
const BACK = message("Back in this round. Its earlier votes still count.");
const BEGAN = message("A new round began.");
const LATE = 1000; // milliseconds
const MOVED = message("The results get new numbers there. Votes and comments come along.");
const COPIED = message("The copies get new numbers there, without votes and comments.");
const MOVE = message("Move or copy");
const [GO, COPY] = [message("Move"), message("Copy")];
const MANY = message("To compare, select up to {most} under “Kept”.", { most: MOST_BESIDE });
const EMPTY = message(
  "Nothing here yet. Select results in your history, then press “Share or add to album…”.",
);

export class Wall {
  place = element("div", "history");
  #album;
  #head;
  #filters;
  #selection;
  #list;
  #review;
  /** @type {ItemDoc[]} */
  #items = [];
  /** @type {string | null} */
  #next = null;
  #version;
  /** @type {Counts | null} */
  #counts = null;
  /** Number of results of this round that the user keeps. */
  #ownKeeps = 0;
  #total = 0;
  #turn = 0;
  #begun = Promise.resolve();
  #loading = Promise.resolve();
  /** What the user says of items, until the app has answered. @type {Map<string, Pick<ItemDoc, "verdict" | "stars">>} */
  #unsent = new Map();
  /** Whether the list waits until the app knows the user's reviews. */
  #isSaving = false;
  /** What comes after the last review, or before the first result. */
  #done = element("div", "state-card");
  /** How far each person is, for those who begin the next round. */
  #progress = element("p", "aside");
  #sending = Promise.resolve();

  /**
   * @param {AlbumDoc} album
   * @param {AlbumHead} head
   */
  constructor(album, head) {
    this.#album = album;
    this.#head = head;
    this.#version = album.version;
    this.#filters = new Filters(this.#may("review"), this.#isBlind, () => this.#search());
    this.#selection = new Selection(
      (ids) => this.#list?.pick(ids),
      (runs, isMany) => this.#actionsFor(new Set(runs.map(({ id }) => id)), isMany),
      () => this.#tiles,
      (to) => this.#complete(to),
    );
    this.#list = new History(
      this.place,
      {
        searchable: true,
        select: ({ index }) => this.#review.open(index),
        search: () => this.#search(),
      },
      {
        wants: (_, to) => this.#complete(to),
        star: null,
        pick: (index, event) => this.#selection.take(this.#tiles, index, event),
        dress: (item, run) => this.#dress(item, run),
        heights: HEIGHTS,
      },
    );
    this.#review = new Review(album, {
      itemAt: (at) => this.#items[at] ?? null,
      counts: () => ({ kept: this.#ownKeeps, total: this.#total }),
      load: (at) => this.#complete(at + 1),
      say: (item, said) => this.#say(item, said),
      ends: (before, isLast) => this.#isReviewed(before, isLast),
      changed: (item) => this.#change([item]),
      left: (at) => this.#reload(at, true),
    });
    this.#filters.order.hidden = !this.#may("opinions"); // votes and stars
    $("h2", this.place)?.replaceWith(this.#filters.rule, ...this.#filters.parts);
    $(".rows", this.place)?.after(this.#selection.toggle);
    this.#selection.toggle.dataset.icon = "check";
    $("header", this.place)?.append(this.#selection.place);
    this.place.append(this.#done);
    this.#list.list.addEventListener("keydown", (event) => this.#pressed(event));
    this.#done.addEventListener(
      "keydown",
      ({ key }) => key.toLowerCase() === "z" && this.#takeBack(),
    );
  }

  async begin() {
    addEventListener("beforeunload", (event) => {
      if (this.#unsent.size && page.now.away) event.preventDefault(); // the browser asks the user
    });
    addEventListener("pagehide", () => {
      for (const [id, vote] of this.#unsent) send(`/items/${id}/review`, vote, "PUT");
    });
    await this.#load();
    this.#follow();
  }

  /** Show changes by any user, as long as the album is there. */
  #follow() {
    const events = new EventSource(root + albumAt("/events"));
    let heard = Promise.resolve(); // an older answer must not come last
    events.addEventListener("change", ({ data }) => {
      heard = inTurn(heard, () => this.#hear(JSON.parse(data)));
    });
    events.addEventListener("end", () => location.reload());
    events.addEventListener("error", async () => {
      events.close();
      await untilRetry(1);
      if (await reach(albumAt(""))) this.#follow();
      else location.reload(); // it's gone, or not for this user
    });
  }

  /** Begin a review of what the user hasn't reviewed. */
  async review() {
    this.#filters.choose();
    await this.#begun;
    if (this.#total) await this.#review.open(0);
  }

  /**
   * Return whether a verdict ends the review: the last one of a list to review or settle, or of all results.
   * @param {ItemDoc} before the item without the verdict
   * @param {boolean} isLast whether it is the last one of the list
   */
  #isReviewed({ verdict: before }, isLast) {
    const { verdict } = this.#filters.chosen;
    if (verdict || this.#list.text) return isLast && [TO_REVIEW, TO_SETTLE].includes(verdict);
    const isOver = !before && !this.#next && this.#items.every((item) => item.verdict);
    if (isOver) this.#filters.choose();
    return isOver;
  }

  get #tiles() {
    return tilesOf(this.#items, this.#total);
  }

  /** The filters in use, by name. */
  get #filter() {
    const filter = { ...this.#filters.chosen, text: this.#list.text };
    return Object.entries(filter).filter(([, value]) => value);
  }

  /**
   * Ask for a page of items.
   * @param {readonly string[][]} wanted parameters
   * @param {() => boolean} [isWanted] see `reach`
   * @returns {Promise<ItemsPage | null>}
   */
  async #ask(wanted, isWanted) {
    const query = new URLSearchParams([...wanted, ["limit", LIMIT]]);
    /** @type {ItemsPage | null} */
    const told = await reach(albumAt("/items", query), isWanted);
    const withKept = (/** @type {ItemDoc} */ item) => ({ ...item, ...this.#unsent.get(item.id) });
    return told && { ...told, items: told.items.map(withKept) };
  }

  /** Load the list. Ends with the last one of several calls. */
  #load() {
    this.#begun = this.#loadOnce(++this.#turn);
    return this.#begun;
  }

  /**
   * Load the list once the app knows the user's reviews, which decide what the list shows.
   * @param {number} turn
   * @returns {Promise<void>}
   */
  async #loadOnce(turn) {
    this.#next = null; // it continues the former list
    if (this.#unsent.size > 1 && this.#filters.chosen.verdict === TO_REVIEW) {
      this.#isSaving = true;
      this.#items = [];
      this.#total = 0;
      this.#draw();
    }
    const ask = () => this.#ask(this.#filter, () => turn === this.#turn);
    const told = await inTurn(this.#sending, ask);
    if (turn !== this.#turn) return this.#begun;
    this.#isSaving = false;
    if (!told) return;
    this.#items = told.items;
    this.#total = told.total ?? told.items.length;
    this.#tell(told);
    if (this.#total || this.#list.text || this.#filters.chosen.verdict !== TO_SETTLE) return;
    this.#filters.choose(this.#may("review") ? TO_REVIEW : "keep");
    return this.#begun;
  }

  /** Load the list for other filters, and show its start. */
  #search() {
    this.#load().then(() => this.#list.begin());
  }

  /**
   * Load items up to an index.
   * @param {number} to exclusive
   */
  #complete(to) {
    const turn = this.#turn;
    this.#loading = inTurn(this.#loading, async () => {
      while (turn === this.#turn && this.#next && this.#items.length < to) {
        const query = [...this.#filter, ["cursor", this.#next]];
        const told = await this.#ask(query, () => turn === this.#turn);
        if (turn !== this.#turn || !told) return;
        const known = new Set(this.#items.map(({ id }) => id)); // a sorted list moves meanwhile
        this.#items.push(...told.items.filter(({ id }) => !known.has(id)));
        this.#tell(told);
      }
    });
    return this.#loading;
  }

  /** @param {ItemsPage} told */
  #tell({ next, counts }) {
    this.#next = next;
    this.#total = next ? Math.max(this.#total, this.#items.length + 1) : this.#items.length;
    this.#count(counts);
    this.#draw();
  }

  /** @param {Counts} counts */
  #count(counts) {
    if (!this.#unsent.size) this.#ownKeeps = counts.own_keeps;
    this.#filters.count(counts);
    this.#head.tell(counts);
    const isNew = counts.round > (this.#counts?.round ?? Infinity);
    this.#counts = counts;
    if (isNew) this.#beginRound();
    return isNew;
  }

  /** Show a new round from its start. An open review closes, and a vote that comes too late reaches no other result. */
  #beginRound() {
    this.#items = [];
    const place = this.place.parentElement;
    if (place && this.#review.isOpen) {
      place.inert = true;
      setTimeout(() => place.removeAttribute("inert"), LATE);
    }
    this.#review.close();
    if (page.now.notice?.headline !== BEGAN) say(BEGAN, "", ""); // it may tell about a vote
    this.#selection.end();
    if (this.#may("review")) this.#filters.choose();
    else this.#search();
  }

  #draw() {
    const { verdict } = this.#filters.chosen;
    const isOver = !this.#total && !this.#isSaving;
    const isDone = isOver && verdict === TO_REVIEW && !this.#list.text;
    const isEmpty = isOver && !this.#filter.length;
    const nothing = this.#isSaving ? message("Saving…") : message("No results.");
    const told = { any: true, nothing: isDone || isEmpty ? "" : nothing };
    this.#list.show(this.#tiles, this.#total ? [["", this.#total]] : [], told);
    this.place.classList.toggle("is-empty", isEmpty && !this.#counts?.dropped);
    if (!this.#counts) return;
    const { keep, disagreed, own_keeps: own } = this.#counts;
    const key = isDone ? `${keep} ${disagreed} ${own}` : String(isEmpty);
    if (this.#done.dataset.key === key) return;
    this.#done.dataset.key = key;
    const ends = isDone ? this.#endFor(this.#counts) : [];
    this.#done.replaceChildren(...(isEmpty ? this.#beginning() : ends));
  }

  /**
   * Return that the user has reviewed all results, how the team decides, and what comes next.
   * @param {Counts} counts
   */
  #endFor({ keep, disagreed, own_keeps: count }) {
    const headline = element("strong", "", message("You have reviewed all results."));
    headline.dataset.icon = "check";
    const kept = [
      plural("{count} kept", "{count} kept", { count: keep }),
      message("you kept {count}", { count }),
    ].join(" · ");
    const mayLead = this.#may("take_back");
    const waits = message("{by} decides what comes next.", { by: this.#album.by });
    const words = [
      kept,
      ...(disagreed ? [RULE] : []),
      ...(keep > MOST_BESIDE ? [MANY] : []),
      ...(mayLead ? [] : [waits]),
    ];
    const lines = words.map((line) => element("p", "aside", line));
    const ways = element("div", "wraps");
    if (keep > 1 && keep <= MOST_BESIDE)
      ways.append(button(message("Compare"), () => this.#compareKept(), "button primary"));
    if (keep) ways.append(button(message("Show kept"), () => this.#filters.choose("keep")));
    if (disagreed)
      ways.append(button(message("Show disputed"), () => this.#filters.choose(TO_SETTLE)));
    const next = withEllipsis(message("Next round"));
    if (keep + disagreed && mayLead) ways.append(button(next, () => this.#head.startRound()));
    if (this.#review.canUndo) {
      const undo = iconButton("undo", () => this.#takeBack());
      undo.append(message("Undo last vote"));
      undo.title = withKey(message("Undo last vote"), "Z");
      ways.append(undo);
    }
    if (mayLead) this.#tellProgress();
    return [headline, ...lines, this.#progress, ways];
  }

  /** Take back the last vote of the review, and review its result again. */
  async #takeBack() {
    if (!this.#review.canUndo) return;
    this.#review.undo();
    await this.review();
  }

  async #tellProgress() {
    tell(this.#progress, (await this.#head.progress()) ?? "");
  }

  async #compareKept() {
    this.#filters.choose("keep");
    await this.#begun;
    this.#compare(this.#items);
  }

  /** @param {readonly ItemDoc[]} items */
  #compare(items) {
    compareItems(items, this.#may("review") ? (item, said) => this.#say(item, said) : null);
  }

  /** Return how results come here. */
  #beginning() {
    if (!this.#may("add")) return [message("No results.")];
    const create = button(message("Create"), () => location.assign(`${root}/`), "button primary");
    return [element("p", "", EMPTY), create];
  }

  /**
   * Show a change of the album by any user.
   * @param {{ version: number, items: number }} now
   */
  async #hear({ version, items }) {
    if (version === this.#version) return;
    const told = await this.#ask([["since", String(this.#version)]]);
    if (!told) return;
    this.#version = version;
    if (this.#count(told.counts)) return;
    this.#change(told.items);
    if (this.#progress.textContent && this.#progress.isConnected) await this.#tellProgress();
    const isPart = this.#filter.length > 0 || !this.#may("opinions"); // votes change the list
    const isOther = told.next || isPart || this.#total !== items;
    const { index = -1 } = document.activeElement?.closest("li")?.dataset ?? {};
    if (isOther && !this.#review.isOpen) await this.#reload(Number(index), false);
  }

  /**
   * Load the list again. Keep the focus on its result, or on the one in its place. A result that it has lost isn't selected.
   * @param {number} at index of the result that has the focus, -1 for none
   * @param {boolean} scrolls whether to scroll it into view
   */
  async #reload(at, scrolls) {
    const before = this.#items;
    const id = before[at]?.id;
    await this.#load();
    const listed = new Set(this.#items.map((item) => item.id));
    const gone = this.#next ? [] : before.filter((item) => !listed.has(item.id));
    this.#selection.drop(gone.map((item) => item.id)); // no action reaches what isn't seen
    const now = this.#items.findIndex((item) => item.id === id);
    if (id && this.#total) this.#list.focus(now < 0 ? Math.min(at, this.#total - 1) : now, scrolls);
    else if (scrolls) $("button", this.#done)?.focus();
  }

  /** @param {readonly ItemDoc[]} changed */
  #change(changed) {
    const news = new Map(changed.map((item) => [item.id, item]));
    this.#items = this.#items.map((item) => news.get(item.id) ?? item);
    this.#review.renew();
    this.#draw();
  }

  /**
   * Store a verdict or stars, and show them at once.
   * @param {ItemDoc} item
   * @param {{ verdict: ItemDoc["verdict"], stars: number }} said
   */
  async #say(item, said) {
    if (!this.#may("review")) return;
    if (page.now.notice?.headline === BEGAN) say("");
    const vote = { ...said, round: this.#counts?.round };
    this.#unsent.set(item.id, vote);
    this.#ownKeeps += Number(said.verdict === "keep") - Number(item.verdict === "keep");
    this.#change([{ ...item, ...said }]);
    announce(reviewWords([{ by: "", mine: true, ...said }]) || message("Undecided"));
    // Requests must not overtake each other, and only the answer to an item's last one counts.
    const isLast = () => this.#unsent.get(item.id) === vote;
    this.#sending = inTurn(this.#sending, async () => {
      /** @type {ItemDoc | null | false} */
      const now = isLast() && (await send(`/items/${item.id}/review`, vote, "PUT"));
      if (!isLast()) return;
      this.#unsent.delete(item.id);
      if (now && item.dropped && !now.dropped) say(BACK, "", "");
      this.#change([now || item]);
    });
    await this.#sending;
  }

  /** @param {AlbumDoc["may"][number]} what */
  #may(what) {
    return this.#album.may.includes(what);
  }

  /** Whether others' votes come after the user's own. The album's owner follows them. */
  get #isBlind() {
    return this.#may("review") && !this.#may("take_back");
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    this.#selection.pressed(event);
    const { run } = /** @type {HTMLElement} */ (event.target).closest("li")?.dataset ?? {};
    const item = this.#items.find(({ id }) => id === run);
    const said = item && saidBy(event.key, item);
    if (!said || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    withName(() => this.#say(item, said));
  }

  /**
   * Show on a tile what people say of it.
   * @param {HTMLElement} place
   * @param {PastRun} run
   */
  #dress(place, { id }) {
    const item = this.#items[Number(place.dataset.index)]; // searching 10,000 would cost frames
    if (item?.id !== id) return;
    const { verdict } = this.#filters.chosen;
    const isBlind = this.#may("review") && (verdict === TO_REVIEW || (!verdict && this.#isBlind));
    const isOpen = isBlind && !item.verdict && !item.stars;
    const { number, comments, keeps, rejects, reviews } = isOpen
      ? { ...item, keeps: 0, rejects: 0, reviews: [] }
      : item;
    const rated = reviews.flatMap((one) => one.stars || []);
    const sum = rated.reduce((all, stars) => all + stars, 0);
    const stars = sum && Math.round((10 * sum) / rated.length) / 10; // the average
    const said = reviewWords(reviews);
    const key = [stars, comments, keeps, rejects, said].join();
    if (place.dataset.said === key) return;
    place.dataset.said = key;
    place.dataset.verdict = rejects ? (keeps ? "disagreed" : "reject") : keeps ? "keep" : "";
    $(".facts", place)?.remove();
    const shown = element("span", "facts digits", `#${number}`);
    const isDisputed = keeps > 0 && rejects > 0; // names tell who should talk
    if (isDisputed) shown.append(...votesOf(reviews.map((one) => ({ ...one, stars: 0 }))));
    /** @type {[number, string, string, boolean][]} */
    const facts = [
      [isDisputed ? 0 : keeps, "keeps", "check", keeps + rejects > 1],
      [isDisputed ? 0 : rejects, "rejects", "close", keeps + rejects > 1],
      [stars, "stars", "star-filled", true],
      [comments, "", "comment", true],
    ];
    for (const [count, name, icon, isCounted] of facts) {
      const fact = element("span", name, isCounted ? String(count) : "");
      fact.dataset.icon = icon;
      if (count) shown.append(fact);
    }
    place.append(shown);
    const tile = $(".tile", place);
    const words = isDisputed ? DISPUTED : rejects ? REJECTED : keeps ? KEPT : "";
    if (!tile) return;
    place.dataset.about ??= tile.title;
    tile.title = [`#${number}`, place.dataset.about, said, words].filter(Boolean).join(" · ");
    tile.ariaLabel = tile.title;
  }

  /**
   * Return the actions for the selected items.
   * @param {ReadonlySet<string>} ids
   * @param {boolean} isMany see `Selection`
   */
  #actionsFor(ids, isMany) {
    const items = this.#items.filter(({ id }) => ids.has(id));
    const judge = (/** @type {"keep" | "reject"} */ verdict) => () =>
      withName(() => this.#judge(items, verdict));
    const likeThese = () => {
      const query = new URLSearchParams({ part: "albums", album: this.#album.id });
      for (const { id } of items) query.append("item", id);
      location.assign(`${root}/?${query}&like`);
    };
    const compare = () => this.#compare(items);
    const [first] = items;
    const query = new URLSearchParams(items.map(({ id }) => ["item", id]));
    const saves = downloadLink(message("Download"), root + albumAt("/zip", query));
    if (!first || isMany) saves.removeAttribute("href");
    saves.className = "button";
    const isAlike = items.every(({ settings, title }) => settings && title === first?.title);
    const isOwn = this.#may("take_back") || items.every(({ mine }) => mine);
    /** @type {[boolean, string, () => void, boolean][]} */
    const actions = [
      [this.#may("review"), message("Keep"), judge("keep"), true],
      [this.#may("review"), message("Reject"), judge("reject"), true],
      [true, message("Compare"), compare, items.length > 1 && items.length <= MOST_BESIDE],
      [this.#may("add"), message("Generate more like these"), likeThese, isAlike && !isMany],
      [this.#may("add"), withEllipsis(MOVE), () => this.#move(query), isOwn && !isMany],
      [this.#may("add"), message("Remove"), () => this.#remove(query), isOwn && !isMany],
    ];
    const buttons = actions.flatMap(([isOffered, words, does, isOn]) => {
      const made = button(words, does);
      made.ariaDisabled = String(!first || !isOn);
      if (does === compare)
        made.title = message("Compare 2 to {most} results", { most: MOST_BESIDE });
      return isOffered ? [made] : [];
    });
    return [saves, ...buttons];
  }

  /** Give items a verdict, and offer Undo. @param {readonly ItemDoc[]} items @param {"keep" | "reject"} verdict */
  async #judge(items, verdict) {
    for (const item of items) await this.#say(item, { verdict, stars: item.stars });
    this.#selection.end();
    const undo = async () => {
      for (const item of items) {
        const { verdict: before, stars } = item;
        await this.#say({ ...item, verdict }, { verdict: before, stars });
      }
    };
    offerUndo(verdict === "keep" ? KEPT : REJECTED, countWords(items.length), undo, () => {});
  }

  /** @param {URLSearchParams} query the results */
  async #move(query) {
    const choice = await albumChoice(this.#album.id);
    if (!choice) return;
    const { input, label } = checkBox(message("Keep them here, too"));
    const numbers = element("p", "aside", MOVED);
    const content = [...choice.rows, label, numbers, choice.said];
    const place = formDialog("share", MOVE, content, GO, async () => {
      const [id, copies] = [await choice.chosen(), input.checked];
      const body = { album: id, copies };
      if (!id || !(await choice.send(albumAt("/items", query), body, "PATCH"))) return;
      place.hidePopover();
      this.#selection.end();
      tellOf(id, copies ? message("Copied.") : message("Moved."));
    });
    input.addEventListener("change", () => {
      tell(numbers, input.checked ? COPIED : MOVED);
      tell(/** @type {HTMLElement} */ ($(".primary", place)), input.checked ? COPY : GO);
    });
  }

  /** @param {URLSearchParams} query the results */
  #remove(query) {
    confirm(
      message("Remove from the album?"),
      message("The results stay with their owners."),
      message("Remove"),
      async () => {
        if (!(await ask(albumAt("/items", query), undefined, "DELETE"))) return;
        this.#selection.end();
        this.#load();
      },
    );
  }
}
