// @ts-check
// Dialogs for an album's owner: its title, note and access, and the link for guests.

import { ACCESS } from "../../albums/items.js";
import { dateWords } from "../../clock.js";
import { $, announce, button, dialog, element, root } from "../../dom.js";
import { copyOrTell } from "../../form/copying.js";
import { message, plural } from "../../messages.js";
import { API, ask, json } from "../../requests.js";
import { albumAt } from "./calls.js";

/** @import { Album, GuestLink } from "../../albums/items.js" */

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

/** Show the album's link for guests, to make or end it. */
export async function showLink() {
  /** @type {Album | null} */
  const album = await ask(albumAt(""), undefined, "GET");
  if (!album) return;
  const said = element("p", "said");
  said.role = "status";
  const days = element("select");
  days.append(
    ...DAYS.map(
      (count) =>
        new Option(plural("{count} day", "{count} days", { count }), String(count), count === 7),
    ),
  );
  const comments = box(message("May review and comment"));
  const settings = box(message("May see prompts and settings"));
  const options = element(
    "div",
    "stack",
    row(message("Ends after"), days),
    comments.label,
    settings.label,
  );
  const line = element("div", "in-line apart");
  const make = button(
    message("Create link"),
    async () => {
      const body = {
        days: Number(days.value),
        comments: comments.input.checked,
        settings: settings.input.checked,
      };
      album.link = (await ask(albumAt("/link"), json(body))) ?? album.link;
      draw();
      if (album.link) await copy(album.link, said);
    },
    "button primary",
  );
  const end = async () => {
    if (!(await ask(albumAt("/link"), undefined, "DELETE"))) return;
    album.link = null;
    draw();
    said.textContent = message("Sharing stopped. The link no longer works.");
  };
  const draw = () => {
    const { link } = album;
    options.hidden = make.hidden = link !== null;
    line.replaceChildren(...(link ? partsOf(link, said, end) : []));
  };
  draw();
  const place = show(
    message("Link for guests"),
    [
      element(
        "p",
        "",
        message("Guests see this album without an account. They can't run anything."),
      ),
      line,
      options,
      said,
    ],
    [button(message("Close"), () => place.hidePopover()), make],
  );
}

/** @param {string} words */
function box(words) {
  const input = Object.assign(element("input"), { type: "checkbox" });
  return { input, label: element("label", "", input, element("span", "", words)) };
}

/**
 * Return what guests may do with a link, and its buttons.
 * @param {GuestLink} link
 * @param {HTMLElement} said
 * @param {() => void} end
 */
function partsOf(link, said, end) {
  const may = [
    message("Ends on {date}", { date: dateWords(link.expires_at) }),
    link.comments && message("May review and comment"),
    link.settings && message("May see prompts and settings"),
  ];
  const copies = button(message("Copy"), () => copy(link, said));
  const buttons = element("span", "in-line", copies, button(message("Stop sharing"), end));
  return [element("span", "aside", may.filter(Boolean).join(" · ")), buttons];
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
