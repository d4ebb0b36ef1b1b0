// @ts-check
// Head of an album: its title and note, who sees it, what can be done with it, and the albums in it.

import { dateWords } from "page/clock.js";
import { confirm } from "page/confirm.js";
import { $, all, button, downloadLink, element, isNarrow, root, tell } from "page/dom.js";
import { formDialog } from "page/form_dialog.js";
import { message, plural, withEllipsis } from "page/messages.js";
import { ask } from "page/requests.js";
import { menuButton } from "page/results/pop_menu.js";
import { say } from "page/state.js";
import { cardsOf, linkTo } from "./album_cards.js";
import { editAlbum, showLink } from "./album_dialogs.js";
import { albumAt, isGuest } from "./calls.js";
import { checkBox } from "./form_dialog.js";
import { seenBy } from "./items.js";

/** @import { AlbumDoc, Counts } from "./documents.js" */
/** @import { Entry } from "page/results/pop_menu.js" */

const ALL_STAY = message("All results stay, and everyone reviews them again.");
const ALONE = message("The others haven't reviewed anything yet.");
const OTHERS = message("All others move to “Earlier rounds”. Keep one there to bring it back.");
const DOWNLOADS = ["/zip", "/sheet"];

export class AlbumHead {
  place = element("header", "album-head stack");
  #path = element("nav", "path aside in-line");
  /** What a guest may do until when. */
  #welcome = element("p", "aside");
  #about = element("p", "aside");
  /** Who wrote comments, for those who may begin a round. */
  #said = element("p", "aside breaks");
  #review;
  #next = button(withEllipsis(message("Next round")), () => this.startRound(), "button");
  #invite = button(withEllipsis(message("Invite")), () => showLink(this), "button");
  /** @type {Counts | null} */
  #counts = null;
  #more = menuButton("", message("More"), async () => this.#entries(), "bare", "more");
  #links = element("span", "wraps", ...DOWNLOADS.map((path) => this.#linkFor(path)));
  #album;

  /**
   * @param {AlbumDoc} album
   * @param {() => void} review begins a review of what the user hasn't reviewed
   */
  constructor(album, review) {
    this.#album = album;
    this.#review = button("", review, "button primary");
    const first = element("div", "in-line", element("h1", "breaks", album.title));
    first.append(this.#more);
    const note = element("p", "note breaks", album.note);
    note.tabIndex = 0; // a phone shows three lines until it has the focus
    note.hidden = !album.note;
    const words = element("div", "about", first, note, this.#welcome, this.#about, this.#said);
    this.#path.ariaLabel = message("Albums above");
    this.#path.append(linkIn({ id: "", title: message("Albums") }));
    if (album.may.includes("add")) this.place.append(this.#path); // others see no list of albums
    this.place.append(element("div", "flow apart", words, this.#links));
    this.#links.prepend(this.#review, this.#next, this.#invite);
    this.#invite.hidden = !album.may.includes("change");
    const { items, kept: keep, unreviewed } = album;
    const none = { reject: 0, disagreed: 0, dropped: 0, commented: 0, own_keeps: 0 };
    this.tell({ ...none, round: 1, keep, open: items - keep, unreviewed });
  }

  /**
   * Link to the albums around this one, and show those in it.
   * @param {readonly AlbumDoc[]} albums every album that the user may see
   */
  placeAmong(albums) {
    let around = parentOf(this.#album, albums);
    for (; around; around = parentOf(around, albums)) this.#path.firstChild?.after(linkIn(around));
    const inside = albums.filter(({ parent }) => parent === this.#album.id);
    if (inside.length) this.place.append(cardsOf(inside));
  }

  /** @param {Counts} counts */
  tell(counts) {
    const { keep, disagreed, unreviewed: count, round } = counts;
    const { by, mine, may } = this.#album;
    const isLater = round > 1 && message("Round {number}", { number: round });
    const about = [!mine && by, seenBy(this.#album), isLater];
    tell(this.#about, isGuest ? isLater || "" : about.filter(Boolean).join(" · "));
    this.#about.hidden = !this.#about.textContent;
    tell(this.#said, commentsOf(this.#album.reviewers).join(" "));
    this.#said.hidden = !this.#said.textContent;
    tell(this.#welcome, welcomeFor(this.#album, !count));
    this.#welcome.hidden = !this.#welcome.textContent;
    const isOwner = may.includes("take_back"); // who sees others' votes before the own ones
    const isMain = keep && (isOwner || !count || !may.includes("review"));
    const saves = [
      plural("Download {count} kept", "Download {count} kept", { count: keep }),
      plural("{count} kept as one image", "{count} kept as one image", { count: keep }),
    ];
    all("a", this.#links).forEach((link, at) => {
      link.hidden = !isMain;
      tell(link, saves[at] ?? "");
    });
    this.#counts = counts;
    this.#more.hidden = !keep && !isOwner;
    this.#more.classList.toggle("narrow", Boolean(isMain) && !isOwner); // it has only downloads
    this.#next.hidden = !(keep || disagreed) || !isOwner;
    this.#review.hidden = !count || !may.includes("review");
    this.#review.textContent = plural("Review {count} result", "Review {count} results", { count });
  }

  /** @param {Partial<AlbumDoc>} changes of the album */
  change(changes) {
    Object.assign(this.#album, changes);
    if (this.#counts) this.tell(this.#counts);
  }

  /** @param {string} path */
  #linkFor(path) {
    const link = downloadLink("", keptAt(path));
    link.dataset.icon = "download";
    const words = message("The download starts in a moment.");
    link.addEventListener("click", () => say(words, "", ""));
    return link;
  }

  /** Ask whether to begin the next round, and do so. */
  async startRound() {
    const progress = await this.progress();
    if (progress === null || !this.#counts) return;
    const { keep: count, disagreed, reject, open } = this.#counts;
    const again = plural(
      "The kept result goes to the next round without votes. Its stars stay.",
      "The {count} kept results go to the next round without votes. Their stars stay.",
      { count },
    );
    const disputed = plural(
      "Take the disputed result along, too",
      "Take the {count} disputed results along, too",
      { count: disagreed },
    );
    const { input, label } = checkBox(disputed);
    label.hidden = !disagreed;
    const words = `${again} ${reject + open + disagreed ? OTHERS : ALL_STAY}`;
    const content = [element("p", "", words), label, element("p", "", progress)];
    const start = () => {
      place.hidePopover();
      const query = new URLSearchParams({ disagreed: String(input.checked) });
      return ask(albumAt("/rounds", query), undefined, "POST");
    };
    const title = message("Start the next round?");
    const place = formDialog("share", title, content, message("Start"), start);
  }

  /** Return how far each person is; null after an error. */
  async progress() {
    /** @type {AlbumDoc | null} */
    const now = await ask(albumAt(""), undefined, "GET");
    const lines = now?.reviewers.map(({ by, reviewed: count }) =>
      message("{by} reviewed {count} of {total}.", { by, count, total: now.items }),
    );
    if (now?.reviewers.length === 1 && (now.link || now.access !== "private")) lines?.push(ALONE);
    lines?.push(...commentsOf(now?.reviewers ?? []));
    if (now) this.change({ reviewers: now.reviewers });
    const crowd = now?.crowd;
    if (crowd)
      lines?.push(message("{people} guests at one address gave {votes} votes.", { ...crowd }));
    return lines?.join(" ") ?? null;
  }

  /** @returns {Entry[]} */
  #entries() {
    const { may, id, title } = this.#album;
    const saves = all("a", this.#links).map((link) => ({
      label: link.textContent ?? "",
      does: () => link.click(),
    }));
    const isMain = !isNarrow() && $("a:not([hidden])", this.#links);
    const saved = this.#counts?.keep && !isMain ? saves : [];
    if (!may.includes("take_back")) return saved;
    const remove = () =>
      confirm(
        message("Delete “{title}”?", { title }),
        message("Albums inside go, too. The results stay with their owners."),
        message("Delete"),
        async () => {
          if (await ask(albumAt(""), undefined, "DELETE")) location.assign(linkTo(""));
        },
      );
    const drop = { label: withEllipsis(message("Delete")), does: remove, isBad: true };
    if (!may.includes("change")) return [...saved, drop];
    return [
      ...saved,
      { label: withEllipsis(message("Edit album")), does: () => editAlbum(this.#album, null) },
      { label: withEllipsis(message("New album inside")), does: () => editAlbum(null, id) },
      drop,
    ];
  }
}

/**
 * Return what a guest may do until when, "" for other users.
 * @param {AlbumDoc} album
 * @param {boolean} isDone whether they have reviewed all
 */
function welcomeFor({ may, by, ends_at: end }, isDone) {
  if (end === null) return "";
  const date = dateWords(end);
  if (!may.includes("review")) return message("You can look and download until {date}.", { date });
  return isDone
    ? message("Thank you. You can change your votes until {date}.", { date })
    : message("{by} would like your opinion: keep, reject or comment until {date}.", { by, date });
}

/** @param {AlbumDoc["reviewers"]} people @returns how many comments each of them wrote */
const commentsOf = (people) =>
  people
    .filter(({ comments }) => comments)
    .map(({ by, comments: count }) =>
      plural("{count} comment by {by}.", "{count} comments by {by}.", { count, by }),
    );

/** @param {string} path @returns the address of a download of the kept results */
const keptAt = (path) =>
  root + albumAt(path, new URLSearchParams({ verdict: "keep", settings: "false" }));

/**
 * @param {AlbumDoc} album
 * @param {readonly AlbumDoc[]} albums
 */
const parentOf = ({ parent }, albums) => albums.find(({ id }) => id === parent);

/** @param {{ id: string, title: string }} album @returns a link in the path to an album */
function linkIn({ id, title }) {
  const link = element("a", "", title);
  link.href = linkTo(id);
  return link;
}
