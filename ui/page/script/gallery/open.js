// @ts-check
// Opening the gallery of templates.

import { $ } from "../dom.js";

/** Return whether this user may start from templates. */
export const mayStart = () => $("#starts-from-templates") !== null;

/** Open the gallery, unless it is open already. */
export async function openGallery() {
  const { Gallery } = await import("./gallery.js");
  if (!$("dialog.gallery")) new Gallery().open();
}
