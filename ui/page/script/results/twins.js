// @ts-check
// Runs that save the same frames twice: as an animated image and as a video.

import { addressOf } from "../dom.js";
import { loaded } from "../stage/media.js";

/** @import { Item } from "../runs/results.js" */

const HEAD = 1024; // bytes, in which WebP, GIF and PNG files say that they are animated
const ANIMATED = /ANIM|NETSCAPE|acTL/;

/**
 * Return the index of the video if the results are a video and an animated image of the same size, else -1.
 * @param {readonly Item[]} items
 */
export async function videoOfTwins(items) {
  const at = items.findIndex(({ kind }) => kind === "video");
  const image = items.find(({ kind }) => kind === "image");
  if (items.length !== 2 || at < 0 || !image || !(await isAnimated(image))) return -1;
  const [one = "", other] = await Promise.all(items.map(shapeOf));
  return one && one === other ? at : -1;
}

/** @param {Item} image */
async function isAnimated({ url }) {
  const headers = { Range: `bytes=0-${HEAD - 1}` };
  const answer = await fetch(addressOf(url), { headers }).catch(() => null);
  const bytes = (await answer?.arrayBuffer().catch(() => null)) ?? new ArrayBuffer(0);
  return ANIMATED.test(new TextDecoder("latin1").decode(bytes.slice(0, HEAD)));
}

/** @param {Item} item @returns {Promise<string>} "" if it can't be shown */
async function shapeOf(item) {
  const node = await loaded(item, "");
  if (node instanceof HTMLImageElement) return `${node.naturalWidth} ${node.naturalHeight}`;
  if (!(node instanceof HTMLVideoElement)) return "";
  node.pause();
  return `${node.videoWidth} ${node.videoHeight}`;
}
