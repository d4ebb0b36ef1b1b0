// @ts-check
// “Share with the team…”: puts results into an album, which may be a new one.

import { announce, button, dialog, element, root } from "../dom.js";
import { message } from "../messages.js";
import { API, json, request } from "../requests.js";
import { say } from "../state.js";
import { ACCESS, inTree } from "./items.js";

/** @import { Album } from "./items.js" */

const NEW = "new"; // no album's id: these are numbers

/**
 * Ask for an album, then put results into it.
 * @param {{ results: readonly { run: string, file: number }[] } | { runs: readonly string[] } | { batch: string }} what
 *   the last comes first in the album
 */
export async function shareInAlbum(what) {
  const { told, why, hint } = await request(`${API}/albums`, undefined, "GET");
  if (!told) return say(why, hint);
  const place = dialog("share", message("Share with the team"));
  const which = element("select");
  which.ariaLabel = message("Album");
  const albums = inTree(told.albums).filter(({ album }) => album.may.includes("add"));
  for (const { album, depth } of albums)
    which.append(new Option(`${"\u2003".repeat(depth)}${album.title}`, album.id));
  which.append(new Option(message("New album"), NEW));
  which.value = latest(albums.map(({ album }) => album))?.id ?? NEW;
  const title = element("input");
  Object.assign(title, { maxLength: 100, placeholder: message("Title of the album") });
  title.ariaLabel = title.placeholder;
  const access = element("select");
  access.ariaLabel = message("Access");
  access.append(...ACCESS.map(([value, words]) => new Option(words, value)));
  access.value = "shared";
  const made = element("div", "", element("div", "row", title), element("div", "row", access));
  const settings = element("input");
  settings.type = "checkbox";
  const label = element(
    "label",
    "",
    settings,
    element("span", "", message("With prompt and settings")),
  );
  const said = element("p", "said");
  said.role = "status";
  const close = () => place.hidePopover();
  const go = button(message("Share"), () => send(), "button primary");
  const last = element("div", "row last", button(message("Cancel"), close), go);
  place.append(element("div", "row", which), made, label, said, last);
  const show = () => {
    made.hidden = which.value !== NEW;
  };
  which.addEventListener("change", show);
  title.addEventListener("keydown", ({ key }) => key === "Enter" && go.click());
  show();
  (document.querySelector("dialog:modal") ?? document.body).append(place);
  place.showPopover();
  (made.hidden ? which : title).focus();

  async function send() {
    if (which.value === NEW && !title.value.trim()) return title.focus();
    go.ariaDisabled = "true";
    const body = { title: title.value.trim(), access: access.value };
    const album = which.value === NEW ? await post("", body) : { id: which.value };
    if (album && which.value === NEW) {
      // Pressing again after an error must not make a second album.
      which.prepend(new Option(body.title, album.id));
      which.value = album.id;
      show();
    }
    const added =
      album && (await post(`/${album.id}/items`, { ...what, settings: settings.checked }));
    go.ariaDisabled = null;
    if (added) done(album.id);
  }

  /** @param {string} path @param {object} body */
  async function post(path, body) {
    const answer = await request(`${API}/albums${path}`, json(body));
    said.textContent = answer.told ? "" : [answer.why, answer.hint].filter(Boolean).join(" ");
    return answer.told;
  }

  /** @param {string} id */
  function done(id) {
    for (const part of place.querySelectorAll("label, .row:not(.last)")) part.remove();
    said.textContent = message("Shared.");
    announce(said.textContent);
    const link = element("a", "button primary", message("Open the album"));
    link.href = `${root}/gallery/${id}`;
    const leave = button(message("Close"), close);
    last.replaceChildren(leave, link);
    link.focus();
  }
}

/** @param {readonly Album[]} albums */
const latest = (albums) => [...albums].sort((one, other) => other.changed_at - one.changed_at)[0];
