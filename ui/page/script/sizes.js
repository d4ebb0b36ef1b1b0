// @ts-check
// Sizes of files as text.

import { message } from "./messages.js";

/** Format as comfy/base/wording.py does: "1.2 GB", "34 MB", "5 kB". @param {number} bytes */
export function sizeWords(bytes) {
  if (bytes >= 0.95e9) return message("{number}\u00a0GB", { number: short(bytes / 1e9) });
  if (bytes >= 0.95e6) return message("{number}\u00a0MB", { number: short(bytes / 1e6) });
  return message("{number}\u00a0kB", { number: Math.ceil(bytes / 1e3) });
}

/** @param {number} count */
const short = (count) => Math.round(count * 10 ** Number(count < 10)) / 10 ** Number(count < 10);
