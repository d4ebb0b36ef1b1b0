// @ts-check
// Dialogs for an album's owner: its title, note and access, and the links for guests.

import { ACCESS } from "../../albums/items.js";
import { dateWords } from "../../clock.js";
import { $, announce, button, dialog, element, root } from "../../dom.js";
import { copyOrTell } from "../../form/copying.js";
import { message, plural } from "../../messages.js";
import { API, ask, json } from "../../requests.js";
import { albumAt } from "./calls.js";

/** @import { Album } from "../../albums/items.js" */

/** @typedef {{ token: string, name: string, expires_at: number, comments: boolean, settings: boolean }} GuestLink */

const DAYS = [1, 7, 30, 90];

/**
 * Show a dialog with a form.
 * @param {string} title
 * @param {HTMLElement[]} content
 * @param {HTMLElement[]} buttons
 */
function show(title, content, buttons) {
  const place = dialog("share", title);
  place.classList.add("of-album");
  place.append(...content, element("div", "row last", ...buttons));
  document.body.append(place);
  place.showPopover();
  $("input, textarea, select", place)?.focus();
  return place;
}

/**
 * @param {string} words
 * @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} input
 */
function row(words, input) {
  input.ariaLabel = words;
  if (!(input instanceof HTMLSelectElement)) input.placeholder = words;
  return element("div", "row", input);
}

/**
 * Ask for an album's title, note and access, then open it.
 * @param {Album | null} album null for a new one
 * @param {string | null} parent id of the album that a new one is in
 */
export function editAlbum(album, parent) {
  const title = Object.assign(element("input"), { maxLength: 100, value: album?.title ?? "" });
  const note = Object.assign(element("textarea"), {
    rows: 3,
    maxLength: 2000,
    value: album?.note ?? "",
  });
  const access = element("select");
  access.append(...ACCESS.map(([value, words]) => new Option(words, value)));
  access.value = album?.access ?? "shared";
  const save = async () => {
    if (!title.value.trim()) return title.focus();
    const body = { title: title.value.trim(), note: note.value.trim(), access: access.value };
    const told = album
      ? await ask(albumAt(""), json(body), "PATCH")
      : await ask(`${API}/albums`, json({ ...body, ...(parent && { parent }) }));
    if (told) location.assign(`${root}/gallery/${album?.id ?? told.id}`);
  };
  title.addEventListener("keydown", ({ key }) => void (key === "Enter" && save()));
  const place = show(
    album ? message("Edit album") : message("New album"),
    [
      row(message("Title of the album"), title),
      row(message("Description"), note),
      row(message("Access"), access),
    ],
    [
      button(message("Cancel"), () => place.hidePopover()),
      button(message("Save"), save, "button primary"),
    ],
  );
}

/** Show the album's links for guests, to make and end them. */
export async function showLinks() {
  /** @type {{ links: GuestLink[] } | null} */
  const told = await ask(albumAt("/links"), undefined, "GET");
  if (!told) return;
  const list = element("ul", "stack");
  const said = element("p", "said");
  said.role = "status";
  const days = element("select");
  days.append(
    ...DAYS.map(
      (count) =>
        new Option(plural("{count} day", "{count} days", { count }), String(count), count === 7),
    ),
  );
  days.value = "7";
  const name = Object.assign(element("input"), { maxLength: 60 });
  const comments = box(message("May review and comment"));
  const settings = box(message("May see prompts and settings"));
  const draw = (/** @type {GuestLink} */ link) => list.append(lineFor(link, said));
  const make = async () => {
    const body = {
      days: Number(days.value),
      name: name.value.trim(),
      comments: comments.input.checked,
      settings: settings.input.checked,
    };
    /** @type {GuestLink | null} */
    const made = await ask(albumAt("/links"), json(body));
    if (!made) return;
    draw(made);
    await copy(made, said);
  };
  told.links.forEach(draw);
  const place = show(
    message("Links for guests"),
    [
      element(
        "p",
        "",
        message("Guests see this album without an account. They can't run anything."),
      ),
      list,
      row(message("Name"), name),
      row(message("Ends after"), days),
      comments.label,
      settings.label,
      said,
    ],
    [
      button(message("Close"), () => place.hidePopover()),
      button(message("Create link"), make, "button primary"),
    ],
  );
}

/** @param {string} words */
function box(words) {
  const input = Object.assign(element("input"), { type: "checkbox" });
  return { input, label: element("label", "", input, element("span", "", words)) };
}

/**
 * @param {GuestLink} link
 * @param {HTMLElement} said
 */
function lineFor(link, said) {
  const until = message("Ends on {date}", { date: dateWords(link.expires_at) });
  const about = [link.name, until, link.comments && message("May review and comment")];
  const ends = button(message("Stop sharing"), async () => {
    if (!(await ask(albumAt(`/links/${link.token}`), undefined, "DELETE"))) return;
    line.remove();
    said.textContent = message("Sharing stopped. The link no longer works.");
  });
  const copies = button(message("Copy"), () => copy(link, said));
  const words = element("span", "aside", about.filter(Boolean).join(" · "));
  const line = element("li", "in-line apart", words, element("span", "in-line", copies, ends));
  return line;
}

/**
 * @param {GuestLink} link
 * @param {HTMLElement} said
 */
async function copy({ token }, said) {
  const full = new URL(`gallery/guest/${token}`, `${root}/`).href;
  if (!(await copyOrTell(message("This couldn't be copied."), full))) return;
  said.textContent = message("Link copied");
  announce(said.textContent);
}
