// @ts-check
// What all modules use of the document.

const ONE_LINE = 24; // letters

/** The address of the app, without a slash at the end: modules are served two folders below it. */
export const root = new URL("../..", import.meta.url).href.replace(/\/$/, "");

/**
 * The first element that matches.
 * @param {string} selector
 * @param {ParentNode} [from]
 * @returns {HTMLElement | null}
 */
export const $ = (selector, from = document) => from.querySelector(selector);

/**
 * All elements that match.
 * @param {string} selector
 * @param {ParentNode} [from]
 * @returns {HTMLElement[]}
 */
export const all = (selector, from = document) =>
  [...from.querySelectorAll(selector)].map((one) => /** @type {HTMLElement} */ (one));

/** Whether the person wants nothing to move by itself. */
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Scroll to where something is seen, gliding unless nothing is to move.
 * @param {Element | null} place
 * @param {ScrollLogicalPosition} [block] "nearest": no further than it must be
 */
export const glideTo = (place, block = "start") =>
  place?.scrollIntoView({ behavior: isStill() ? "auto" : "smooth", block });

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className = "", text = undefined) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * A new button.
 * @param {string} text
 * @param {(button: HTMLButtonElement, press: MouseEvent) => void} does
 * @param {string} [className]
 */
export function button(text, does, className = "button") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", (press) => {
    if (made.ariaDisabled !== "true") does(made, press);
  });
  return made;
}

/**
 * What is said in a place. What is so already is not put there again: it would be laid out anew.
 * @param {HTMLElement} place
 * @param {string} words
 */
export function tell(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

/**
 * Let a list have these children, in this order. Those that stay where they are are left alone: whatever is put in
 * again is drawn again, and has lost the focus.
 * @param {Element} list
 * @param {readonly Element[]} wanted
 */
export function fillIn(list, wanted) {
  const stays = new Set(wanted);
  for (const child of [...list.children]) if (!stays.has(child)) child.remove();
  wanted.forEach((child, at) => {
    if (list.children[at] !== child) list.insertBefore(child, list.children[at] ?? null);
  });
}

/**
 * Put a text or number into a box as if it had been typed.
 * @param {HTMLInputElement | HTMLTextAreaElement} input
 * @param {string} text
 */
export function typeInto(input, text) {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * Whether an image can be painted, once that is known.
 * @param {HTMLImageElement} image
 */
export const isPaintable = (image) =>
  image.decode().then(
    () => true,
    () => false,
  );

/**
 * Fill a folded section, which is there if it has something in it.
 * @param {HTMLDetailsElement} section
 * @param {string} title
 * @param {HTMLElement[]} content
 */
export function fold(section, title, content) {
  const body = element("div", "body");
  body.append(...content);
  section.hidden = !content.length;
  section.replaceChildren(element("summary", "", title), body);
}

/**
 * A table of names and values.
 * @param {[string, string][]} rows
 */
export function tableOf(rows) {
  const table = element("table");
  for (const [name, value] of rows) {
    const row = table.insertRow();
    const head = element("th", "", name);
    head.scope = "row";
    row.append(head, element("td", "", value));
  }
  return table;
}

/**
 * A link that saves a file.
 * @param {string} text
 * @param {string} href
 * @param {string} [name] what to save it as; without one the server says
 */
export function downloadLink(text, href, name = "") {
  const link = element("a", "button", text);
  link.href = href;
  link.download = name;
  return link;
}

/**
 * A dialog over the page, which leaves it with its end. Nothing of the page is in its way: copying over plain HTTP needs that.
 * @param {string} id
 * @param {string} title
 */
export function dialog(id, title) {
  const made = element("div");
  const heading = element("h2", "", title);
  heading.id = `${id}-title`;
  made.id = id;
  made.role = "dialog";
  made.setAttribute("aria-labelledby", heading.id);
  made.popover = "auto";
  made.append(heading);
  made.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "closed") made.remove();
  });
  return made;
}

/**
 * The whole address of something of this app's ("/files/…"), or of something elsewhere.
 * @param {string} url
 */
export const addressOf = (url) => (url.startsWith("/") ? root + url : url);

/**
 * Close a socket. One that is still being opened is closed as soon as it is open: browsers warn of anything else.
 * @param {WebSocket} socket
 */
export function closeSocket(socket) {
  socket.onclose = socket.onmessage = null;
  socket.onopen = () => socket.close();
  if (socket.readyState !== WebSocket.CONNECTING) socket.close();
}

/**
 * Ctrl + Enter, and Cmd + Enter where that is meant.
 * @param {KeyboardEvent} event
 */
export const isCtrlEnter = ({ key, ctrlKey, metaKey }) => key === "Enter" && (ctrlKey || metaKey);

/** Whether form and result stand in one column. */
export const isNarrow = () => matchMedia("(max-width: 1023px)").matches;

/** Whether fingers point, which can't drop a file. */
export const isTouched = () => matchMedia("(pointer: coarse)").matches;

/**
 * Say something to those who cannot see the page.
 * @param {string} text
 */
export function announce(text) {
  const place = $("#spoken") ?? document.body.appendChild(element("p", "spoken"));
  place.id = "spoken";
  place.setAttribute("aria-live", "polite");
  place.textContent = text;
}

/** Where people type or choose. */
export const INPUTS = "input, textarea, select, [contenteditable=true]";

/** Whether the focus is there. */
export const isTyping = () => document.activeElement?.matches(INPUTS) ?? false;

/**
 * A text for a place of two lines. A long one is in two halves, of which the first is cut at its end and the other at
 * its beginning: the texts of one person often differ at their ends only.
 * @param {string} text
 */
export function inHalves(text) {
  const letters = [...text.replaceAll(/[^\S\u00a0]+/g, " ").trim()];
  if (letters.length <= ONE_LINE) return element("span", "", letters.join(""));
  const half = letters.length / 2;
  const offHalf = (/** @type {number} */ at) => Math.abs(at - half);
  const [at = Math.floor(half)] = letters
    .flatMap((letter, place) => (letter === " " ? [place + 1] : []))
    .filter((place) => offHalf(place) < half / 2)
    .sort((one, other) => offHalf(one) - offHalf(other));
  const last = element("span");
  last.dir = "rtl"; // so it is cut at its beginning
  last.append(element("bdi", "", letters.slice(at).join("")));
  const made = element("span", "halves");
  made.append(element("span", "", letters.slice(0, at).join("")), last);
  return made;
}
