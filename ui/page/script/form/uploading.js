// @ts-check
// Uploads of fields' files: they show their progress and an image at once, and start again after the connection broke.
// An upload that ends with its page, for example because the app's process ended, is reported by the next page.

import { connection } from "../arrivals.js";
import { announce, button, element } from "../dom.js";
import { message, percentWords } from "../messages.js";
import { page, say } from "../state.js";
import { read, UPLOADING, write } from "../storage.js";
import { shortened } from "./file_kinds.js";

const NO_APP = [502, 504]; // from a proxy whose app has ended
const TRIES = 3; // while the app answers
const AGAIN = message("Try again");
const INTERRUPTED = message("Upload interrupted.");
const SHARP = 520; // pixels of an image's height, twice the highest that its field shows

/** The field of the next upload: Gradio's request doesn't name it. */
const begun = { id: "" };

/**
 * Note that a field's file will be uploaded.
 * @param {string} id of the field
 * @param {string} field label
 * @param {string} file name
 */
export function uploadBegins(id, field, file) {
  begun.id = id;
  write(sessionStorage, UPLOADING, { field, file });
}

/**
 * Send an upload until the app has answered, even with a refusal. The user decides when the connection breaks again and
 * again while the app answers.
 * @param {string} address
 * @param {FormData} body
 * @returns {Promise<Response>}
 */
export async function upload(address, body) {
  const { id } = begun;
  begun.id = "";
  const note = element("p", "field-note upload-state");
  const drawn = showGiven(id, body.get("files"));
  page.set({ uploading: [...page.now.uploading, id] });
  const tell = (/** @type {(string | Node)[]} */ ...content) => {
    note.replaceChildren(...content);
    document.getElementById(id)?.append(note); // Gradio may have redrawn it
  };
  const sending = (/** @type {number} */ part) => {
    tell(message("Uploading, {percent}", { percent: percentWords(100 * part) }));
  };
  try {
    for (let tries = 1; ; ) {
      sending(0);
      const answer = await posted(address, body, sending);
      if (answer && !NO_APP.includes(answer.status)) {
        if (!answer.ok) drawn.abort();
        return answer;
      }
      announce(INTERRUPTED);
      tell(INTERRUPTED, " ", message("Trying again…"));
      if (!(await connection.answered())) tries = 1;
      else if (++tries > TRIES) {
        tries = 1;
        await new Promise((done) => tell(INTERRUPTED, " ", button(AGAIN, done, "link")));
      }
    }
  } finally {
    write(sessionStorage, UPLOADING, null);
    note.remove();
    page.set({ uploading: page.now.uploading.filter((one) => one !== id) });
  }
}

/**
 * Show an image in its field until the app's copy has arrived there.
 * @param {string} id of the field
 * @param {FormDataEntryValue | null} file
 * @returns {AbortController} removes it
 */
function showGiven(id, file) {
  const ending = new AbortController();
  const { signal } = ending;
  const find = (/** @type {string} */ part) =>
    document.querySelector(`[id="${id}"].of-image:not(.painted)${part}`);
  find(" > .given-image")?.remove();
  const draw = async () => {
    if (!find("")) return;
    let image = await createImageBitmap(/** @type {File} */ (file));
    if (image.height > SHARP) image = await createImageBitmap(image, { resizeHeight: SHARP });
    const canvas = element("canvas");
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(image);
    const place = element("div", "given-image", canvas);
    if (signal.aborted) return;
    signal.addEventListener("abort", () => place.remove());
    find("")?.append(place);
  };
  const loaded = (/** @type {Event} */ { target }) => target === find(" img") && ending.abort();
  document.addEventListener("load", loaded, { capture: true, signal });
  draw().catch(() => ending.abort()); // not an image that this browser can show
  return ending;
}

/**
 * Post a form and report its progress: `fetch` can't. Resolve to the response, or null if the connection broke.
 * @param {string} address
 * @param {FormData} body
 * @param {(part: number) => void} progress
 * @returns {Promise<Response | null>}
 */
function posted(address, body, progress) {
  const request = new XMLHttpRequest();
  request.open("POST", address);
  request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
  request.send(body);
  return new Promise((done) => {
    request.onloadend = () => {
      const { status, responseText } = request;
      const headers = { "content-type": request.getResponseHeader("content-type") ?? "" };
      done(status ? new Response(responseText, { status, headers }) : null);
    };
  });
}

/** Ask the user to add the file again whose upload the page's last reload cut. */
export function tellCutUpload() {
  const { field, file } = read(sessionStorage, UPLOADING, {});
  if (!file) return;
  write(sessionStorage, UPLOADING, null);
  say(
    message("“{file}” wasn't uploaded completely.", { file: shortened(file) }),
    message("Add it to “{field}” again.", { field }),
  );
}
