// @ts-check
// Explanation of a part of the page's script that doesn't load.

import { $, element } from "./dom.js";
import { message } from "./messages.js";

const AGAIN = message("A part of the page couldn't be loaded. Trying again…");

/**
 * Follow the events of the script's loader (`joined_script.py`): `detail` is whether the part is loaded. The bar is
 * the header's, because the stage's messages may be in the part.
 */
export function tellPartLoading() {
  const bar = element("div", "announcement in-line apart");
  bar.role = "status";
  addEventListener("part", (event) => {
    const { detail: isLoaded } = /** @type {CustomEvent<boolean>} */ (event);
    bar.replaceChildren(...(isLoaded ? [] : [element("p", "", AGAIN)]));
    if (isLoaded) bar.remove();
    else $("#topbar")?.before(bar);
  });
}
