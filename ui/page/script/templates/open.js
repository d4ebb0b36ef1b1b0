// @ts-check
// Opening the dialog of templates.

import { $ } from "../dom.js";

/** Return whether this user may start from templates. */
export const mayStart = () => $("#starts-from-templates") !== null;

/** Open the dialog, unless it is open already. */
export async function openTemplates() {
  const { TemplatesDialog } = await import("./dialog.js");
  if (!$("dialog.templates")) new TemplatesDialog().open();
}
