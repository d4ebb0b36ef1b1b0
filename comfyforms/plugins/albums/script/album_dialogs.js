// @ts-check
// Dialogs for an album's owner: its title, note and access, and the link for guests.

import { dateWords } from "page/clock.js";
import { confirm } from "page/confirm.js";
import { button, dialog, element, iconButton, showDialog } from "page/dom.js";
import { onlyHereWords } from "page/form/copying.js";
import { linkField } from "page/form/link_field.js";
import { formDialog } from "page/form_dialog.js";
import { message, plural } from "page/messages.js";
import { API, ask, json } from "page/requests.js";
import { say } from "page/state.js";
import { linkTo } from "./album_cards.js";
import { albumAt } from "./calls.js";
import { albumFields, checkBox, rowOf, selectOf } from "./form_dialog.js";

/** @import { AlbumHead } from "./album_head.js" */
/** @import { AlbumDoc, AlbumLink } from "./documents.js" */

const DAYS = [1, 7, 30, 90];
const COMMENTS = message("May review and comment");
const SETTINGS = message("May see prompts and settings");
const INVITE = message("Invite");
const STOP = message("End the link");
const FOR_GOOD = message("Guests lose access. People with an account keep theirs.");

/**
 * Ask for an album's title, note and access, then open it.
 * @param {AlbumDoc | null} album null for a new one
 * @param {string | null} parent id of the album that a new one is in
 */
export function editAlbum(album, parent) {
  const { rows, read } = albumFields(album);
  const title = album ? message("Edit album") : message("New album");
  formDialog("share", title, rows, message("Save"), async () => {
    const body = read();
    if (!body) return;
    /** @type {AlbumDoc | null} */
    const told = album
      ? await ask(albumAt(""), json(body), "PATCH")
      : await ask(`${API}/albums`, json({ ...body, ...(parent && { parent }) }));
    if (told) location.assign(linkTo(told.id));
  });
}

/** Show the album's link for guests, or ask how to make it. @param {AlbumHead} head which says who sees the album */
export async function showLink(head) {
  /** @type {AlbumDoc | null} */
  const album = await ask(albumAt(""), undefined, "GET");
  if (album?.link) offerLink(album.link, album, head);
  else if (album) askForLink(album, head);
}

/** @param {AlbumDoc} album @param {AlbumHead} head */
function askForLink(album, head) {
  const about = message(
    "Guests see this album without an account, and others' votes after their own. They can't run anything.",
  );
  const days = selectOf(DAYS.map(dayOption), "7");
  const comments = checkBox(COMMENTS);
  comments.input.checked = true;
  const settings = checkBox(SETTINGS);
  const fields = [rowOf(message("Ends after"), days), comments.label, settings.label];
  const make = async () => {
    const body = {
      days: Number(days.value),
      comments: comments.input.checked,
      settings: settings.input.checked,
    };
    /** @type {AlbumLink | null} */
    const link = await ask(albumAt("/link"), json(body));
    if (!link) return;
    place.hidePopover();
    head.change({ link });
    await offerLink(link, album, head)();
  };
  const content = [element("p", "", about), ...fields, colleaguesIn(album, head)];
  const place = formDialog("share", INVITE, content, message("Create link"), make);
}

/** @param {AlbumDoc} album @param {AlbumHead} head @returns how people with an account see it, or can */
function colleaguesIn(album, head) {
  const words = message(
    "People with an account use the same link, or look under “Albums”. They can review and add results, with no end date.",
  );
  const share = button(message("Share with everyone signed in"), async () => {
    const now = await ask(albumAt(""), json({ access: "shared" }), "PATCH");
    if (!now) return;
    head.change(Object.assign(album, now));
    line.textContent = words;
  });
  const line = element("p", "", album.access === "private" ? share : words);
  return line;
}

/** @param {number} count */
const dayOption = (count) =>
  new Option(plural("{count} day", "{count} days", { count }), String(count));

/**
 * Show a link, to copy or end it.
 * @param {AlbumLink} link
 * @param {AlbumDoc} album
 * @param {AlbumHead} head
 * @returns {() => Promise<void>} copies it
 */
function offerLink({ token, expires_at: end, comments, settings }, album, head) {
  const date = dateWords(end);
  const may = comments
    ? message("Guests can look, download, review and comment until {date}.", { date })
    : message("Guests can look and download until {date}.", { date });
  const about = settings ? [may, message("They see prompts and settings, too.")] : [may];
  const place = dialog("share", INVITE);
  const stopSharing = async () => {
    if (!(await ask(albumAt("/link"), undefined, "DELETE"))) return;
    head.change({ link: null });
    say(message("The link no longer works."), "", "");
  };
  const asks = () => confirm(message("End the link?"), FOR_GOOD, STOP, stopSharing);
  const stop = iconButton("close", asks, "bare");
  stop.textContent = STOP;
  const { parts, field, copy } = linkField(linkTo(`guest/${token}`));
  const words = element("p", "", about.join(" "));
  place.append(words, ...parts, ...onlyHereWords(), colleaguesIn(album, head));
  place.append(element("div", "row last", stop));
  showDialog(place, field);
  return copy;
}
