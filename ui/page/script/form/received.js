// @ts-check
// Files that the installed app gets from the system: shared by other apps, or opened from a file manager.

import { confirm } from "../confirm.js";
import { message } from "../messages.js";
import { shortened } from "./file_kinds.js";
import { takeBeside } from "./files.js";

/** @typedef {{ files: readonly { getFile: () => Promise<File> }[] }} Launch */

const SHARED = "shared"; // the cache that service_worker.js fills
const KEPT_FOR = 3600_000; // milliseconds

/** Take the files, now and later. */
export async function receiveFiles() {
  const queue =
    /** @type {{ launchQueue?: { setConsumer: (take: (launch: Launch) => void) => void } }} */ (
      /** @type {unknown} */ (window)
    ).launchQueue;
  queue?.setConsumer(async ({ files }) =>
    take(await Promise.all(files.map((one) => one.getFile()))),
  );
  const shared = await sharedFiles();
  const [file] = shared;
  if (!file) return;
  const asked = message("Open “{file}”, which another app shared?", { file: shortened(file.name) });
  const about = message("Open only files that you shared yourself.");
  confirm(asked, about, message("Open"), () => take(shared));
}

/** Return the files that another app has shared, and forget them. */
async function sharedFiles() {
  if (!("caches" in window) || !(await caches.has(SHARED))) return [];
  const cache = await caches.open(SHARED);
  const files = [];
  for (const { url } of await cache.keys()) {
    const answer = await cache.match(url);
    const age = Date.now() - Date.parse(answer?.headers.get("date") ?? "");
    const blob = await answer?.blob();
    const name = decodeURIComponent(url.split("/").at(-1) ?? "");
    if (blob && age < KEPT_FOR) files.push(new File([blob], name, { type: blob.type }));
  }
  await caches.delete(SHARED);
  return files;
}

/** @param {readonly File[]} files */
function take(files) {
  const [file] = files;
  if (file) takeBeside(file, files);
}
