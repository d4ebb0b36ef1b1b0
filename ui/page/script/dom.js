// @ts-check
// DOM helpers for all modules.

import { message } from "./messages.js";

const ONE_LINE = 24; // characters

/** URL of the app without a trailing slash. Modules are served two folders below it. */
export const root = new URL("../..", import.meta.url).href.replace(/\/$/, "");

/** @param {string} selector @param {ParentNode} [from] @returns {HTMLElement | null} */
export const $ = (selector, from = document) => from.querySelector(selector);

/** @param {string} selector @param {ParentNode} [from] @returns {HTMLElement[]} */
export const all = (selector, from = document) =>
  [...from.querySelectorAll(selector)].map((one) => /** @type {HTMLElement} */ (one));

/** Return whether the user prefers reduced motion. */
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Scroll an element into view, smoothly unless the user prefers reduced motion.
 * @param {Element | null} place
 * @param {ScrollLogicalPosition} [block] "nearest" scrolls no further than necessary
 */
export const glideTo = (place, block = "start") =>
  place?.scrollIntoView({ behavior: isStill() ? "auto" : "smooth", block });

/**
 * Create an element with its texts and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [className]
 * @param {...(string | Node)} content
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className = "", ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/**
 * Create a link to a form. A plain click opens it in this tab; the browser opens other tabs and windows.
 * @param {string} name the workflow's name
 * @param {string} className
 */
export function formLink(name, className) {
  const made = element("a", className);
  made.href = `?workflow=${encodeURIComponent(name)}`;
  made.dataset.name = name;
  return made;
}

/** @param {MouseEvent} event @returns whether the browser opens the clicked link in another tab or window */
export const leavesTab = ({ ctrlKey, metaKey, shiftKey }) => ctrlKey || metaKey || shiftKey;

/**
 * Create a button.
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
 * Return a button that shows one of the icons in `ui/page/icons.py`. The caller names it.
 * @param {string} icon
 * @param {(made: HTMLButtonElement, press: MouseEvent) => unknown} does
 * @param {string} [className]
 */
export function iconButton(icon, does, className) {
  const made = button("", does, className);
  made.dataset.icon = icon;
  return made;
}

/** @param {() => unknown} does @param {string} [className] @param {string} [name] */
export function closeButton(does, className = "close bare", name = message("Close")) {
  const made = iconButton("close", does, className);
  made.ariaLabel = made.title = name;
  return made;
}

/**
 * Set an element's text. Skip the write if nothing changes, because it would trigger a new layout. Keep the text's node,
 * because a new one would make the browser check all rules with `:empty` and `:has` again.
 * @param {HTMLElement} place
 * @param {string} words
 */
export function tell(place, words) {
  const [first, ...others] = place.childNodes;
  if (place.textContent === words) return;
  if (first instanceof Text && !others.length && words) first.data = words;
  else place.textContent = words;
}

/**
 * Set a list's children, in this order. Don't reinsert children that keep their position: a reinserted element is
 * redrawn and loses the focus.
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
 * Set an input's value as if the user had typed it.
 * @param {HTMLInputElement | HTMLTextAreaElement} input
 * @param {string} text
 */
export function typeInto(input, text) {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * Resolve to whether the browser can decode an image.
 * @param {HTMLImageElement} image
 */
export const isPaintable = (image) =>
  image.decode().then(
    () => true,
    () => false,
  );

/**
 * Fill a collapsible section, or hide it if it has no content.
 * @param {HTMLDetailsElement} section
 * @param {string} title
 * @param {HTMLElement[]} content
 */
export function fold(section, title, content) {
  const body = element("div", "body", ...content);
  section.hidden = !content.length;
  section.replaceChildren(element("summary", "", title), body);
}

/** @param {[string, string][]} rows */
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
 * Create a link that downloads a file.
 * @param {string} text
 * @param {string} href
 * @param {string} [name] file name; by default the server chooses it
 */
export function downloadLink(text, href, name = "") {
  const link = element("a", "button", text);
  link.href = href;
  link.download = name;
  return link;
}

/**
 * Do something, and let its button ignore presses until that ends, also with an error.
 * @param {HTMLElement} pressed
 * @param {() => unknown} does
 */
export async function offWhile(pressed, does) {
  pressed.ariaDisabled = "true";
  try {
    await does();
  } finally {
    pressed.ariaDisabled = null;
  }
}

/**
 * Create a dialog's header with its title and buttons. The title names the dialog.
 * @param {HTMLElement} place
 * @param {string} id the beginning of the title's ID
 * @param {string} title
 * @param {HTMLElement[]} buttons
 */
export function dialogHead(place, id, title, ...buttons) {
  const heading = element("h2", "dialog-title", title);
  heading.id = `${id}-title`;
  place.setAttribute("aria-labelledby", heading.id);
  return element("header", "in-line apart rigid", heading, ...buttons);
}

/**
 * Create a dialog over the page that removes itself when it closes. Everything beside it is inert meanwhile. It is a
 * popover, because copying over plain HTTP adds an element to the page, which a modal dialog would make inert, too.
 * @param {string} id
 * @param {string} title
 */
export function dialog(id, title) {
  const made = element("div", "asks");
  made.id = id;
  made.role = "dialog";
  made.popover = "auto";
  made.append(
    dialogHead(
      made,
      id,
      title,
      closeButton(() => made.hidePopover()),
    ),
  );
  /** @type {Element[]} */
  let background = []; // inert while the dialog is open
  const isClosing = (/** @type {Event} */ event) =>
    /** @type {ToggleEvent} */ (event).newState === "closed";
  made.addEventListener("beforetoggle", (event) => {
    if (isClosing(event)) for (const part of background) part.removeAttribute("inert"); // before the focus goes back
  });
  made.addEventListener("toggle", (event) => {
    if (isClosing(event)) return made.remove();
    const beside = all(":scope > :not([inert], #spoken)", made.parentElement ?? document.body);
    background = beside.filter((part) => part !== made);
    for (const part of background) part.toggleAttribute("inert", true);
  });
  return made;
}

/**
 * Show such a dialog, over a modal one if that is open.
 * @param {HTMLElement} place
 * @param {HTMLElement | null | undefined} first gets the focus
 */
export function showDialog(place, first) {
  ($("dialog:modal") ?? document.body).append(place);
  place.showPopover();
  first?.focus({ preventScroll: true });
}

/**
 * Return the full URL of a path of this app ("/files/…"). Other URLs are returned unchanged.
 * @param {string} url
 */
export const addressOf = (url) => (url.startsWith("/") ? root + url : url);

/** @param {string} address @returns the file name in an address */
export const nameIn = (address) =>
  decodeURIComponent(new URL(address, location.href).pathname.split("/").at(-1) ?? "");

/**
 * Close a WebSocket. If it is still connecting, wait until it is open: otherwise browsers log a warning.
 * @param {WebSocket} socket
 */
export function closeSocket(socket) {
  socket.onclose = socket.onmessage = null;
  socket.onopen = () => socket.close();
  if (socket.readyState !== WebSocket.CONNECTING) socket.close();
}

/** @param {KeyboardEvent} event @returns whether the user pressed Ctrl+Enter, or Cmd+Enter */
export const isCtrlEnter = ({ key, ctrlKey, metaKey }) => key === "Enter" && (ctrlKey || metaKey);

/** Return whether the form and the result are in one column. */
export const isNarrow = () => matchMedia("(max-width: 759px)").matches;

/** Return whether the device has a touchscreen as its main input. Fingers can't drop files. */
export const isTouched = () => matchMedia("(pointer: coarse)").matches;

/**
 * Announce a text to screen readers.
 * @param {string} text
 */
export function announce(text) {
  const place = $("#spoken") ?? document.body.appendChild(element("p", "spoken"));
  place.id = "spoken";
  place.setAttribute("aria-live", "polite");
  place.textContent = text;
}

/** Selector for the elements that users type into or choose from. */
export const INPUTS = "input, textarea, select, [contenteditable=true]";

/** Return whether one of these elements has the focus. */
export const isTyping = () => document.activeElement?.matches(INPUTS) ?? false;

/**
 * Create an element with a text for two lines. Split a long text into halves and truncate them where they meet, because
 * a user's texts often differ only at the end.
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
  last.dir = "rtl"; // truncates the beginning
  last.append(element("bdi", "", letters.slice(at).join("")));
  return element("span", "halves", element("span", "", letters.slice(0, at).join("")), last);
}

/**
 * Keep texts out of number boxes. When Gradio replaces one form by another, it passes a text to a number box for a
 * moment, and the browser would log the text, such as a prompt.
 */
export function keepTextsOut() {
  const { prototype } = HTMLInputElement;
  const own = Object.getOwnPropertyDescriptor(prototype, "value");
  if (!own?.set) return;
  const { set } = own;
  Object.defineProperty(prototype, "value", {
    ...own,
    set(value) {
      const isText = this.type === "number" && Number.isNaN(Number(value));
      set.call(this, isText ? "" : value); // the browser would set "" as well
    },
  });
}
