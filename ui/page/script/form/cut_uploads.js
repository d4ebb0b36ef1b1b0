// @ts-check
// Uploads that ended with their page, for example because the app's process ended. The next page tells the user.

import { message } from "../messages.js";
import { say } from "../state.js";
import { read, UPLOADING, write } from "../storage.js";
import { shortened } from "./file_kinds.js";

/**
 * Note that a field's file is being uploaded.
 * @param {string} field label
 * @param {string} file name
 */
export const uploadBegins = (field, file) => write(sessionStorage, UPLOADING, { field, file });

export const uploadEnds = () => write(sessionStorage, UPLOADING, null);

/** Ask the user to add the file again whose upload the page's last reload cut. */
export function tellCutUpload() {
  const { field, file } = read(sessionStorage, UPLOADING, {});
  if (!file) return;
  uploadEnds();
  say(
    message("“{file}” wasn't uploaded completely.", { file: shortened(file) }),
    message("Add it to “{field}” again.", { field }),
  );
}
