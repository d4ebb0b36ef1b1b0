// @ts-check
// Still images of 3D models, cached in the browser by the addresses of the models.

import { addressOf } from "../dom.js";

const CACHE = "comfyforms-stills";
/** What waits for the images of models, by their addresses. @type {Map<string, ((image: string) => void)[]>} */
const waiting = new Map();

/** Return the cache, null without TLS. */
const open = () => globalThis.caches?.open(CACHE).catch(() => null) ?? null;

/**
 * @param {string} model the model's address
 * @returns {Promise<string>} the address of its still image, or ""
 */
export async function stillOf(model) {
  const found = await (await open())?.match(addressOf(model));
  return found ? URL.createObjectURL(await found.blob()) : "";
}

/**
 * Return the still image of a model as soon as the page has drawn it.
 * @param {string} model the model's address
 */
export async function whenDrawn(model) {
  const known = await stillOf(model);
  if (known) return known;
  return new Promise((/** @type {(image: string) => void} */ done) => {
    waiting.set(model, [...(waiting.get(model) ?? []), done]);
  });
}

/** @param {string} model @param {Blob} image @returns {Promise<string>} the image's address */
export async function keepStill(model, image) {
  await (await open())?.put(addressOf(model), new Response(image)).catch(() => {}); // full
  const address = URL.createObjectURL(image);
  for (const done of waiting.get(model) ?? []) done(address);
  waiting.delete(model);
  return address;
}
