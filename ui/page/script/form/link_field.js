// @ts-check
// A link to pass on: in a field, with a button that copies it, and as a QR code where other devices can open it.

import { button, element, root } from "../dom.js";
import { message } from "../messages.js";
import { copyText, ONLY_HERE, showDone } from "./copying.js";

const NOT_COPIED = message("Select the link and copy it.");

/**
 * @param {string} link
 * @returns {{ parts: HTMLElement[], field: HTMLInputElement, copy: () => Promise<void> }} the elements for a dialog, the
 * one for the focus, and what copies the link and says so
 */
export function linkField(link) {
  const field = Object.assign(element("input"), { readOnly: true, value: link });
  field.ariaLabel = message("Link");
  const mark = () => {
    field.select();
    field.scrollLeft = 0; // selecting scrolls to the end
  };
  field.addEventListener("focus", mark);
  const said = element("p", "said");
  said.role = "status";
  const copy = async () => {
    const isCopied = await copyText(link).then(
      () => true,
      () => false,
    );
    field.focus();
    mark();
    said.textContent = isCopied ? "" : NOT_COPIED;
    if (isCopied) showDone(copying, message("Copied"));
  };
  const copying = button(message("Copy"), copy);
  const row = element("div", "row", field, copying);
  return { parts: [row, said, ...(ONLY_HERE ? [] : [codeOf(link)])], field, copy };
}

/** @param {string} link */
const codeOf = (link) =>
  Object.assign(element("img", "link-code"), {
    src: `${root}/page/code.png?${new URLSearchParams({ link })}`,
    alt: message("QR code of the link"),
  });
