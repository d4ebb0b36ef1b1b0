// @ts-check
// Length, sample rate and waveform of a sound, and whether it is silent.

import { addressOf } from "../dom.js";
import { LANGUAGE, message } from "../messages.js";

const MOST = 8e6; // bytes of a sound that is decoded; its player has requested them, too
const QUIET = 1e-4; // of the full level
const PEAKS = 1200; // of a waveform; more than a player has bars

/**
 * Facts about a sound. `rate`: samples per second, 0 if unknown; `peaks`: the waveform, from 0 to 1 for its loudest part.
 * @typedef {{ seconds: number, rate: number, isSilent: boolean, peaks: readonly number[] }} SoundFacts
 */

/**
 * Return the facts about a sound, or null if it is large or the browser can't decode it.
 * @param {string} url
 * @returns {Promise<SoundFacts | null>}
 */
export async function factsOf(url) {
  try {
    const answer = await fetch(addressOf(url));
    if (!answer.ok || Number(answer.headers.get("content-length")) > MOST) {
      await answer.body?.cancel();
      return null;
    }
    const bytes = await answer.arrayBuffer();
    const rate = rateOf(new DataView(bytes.slice(0, 64)));
    const sound = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes);
    const levels = levelsOf(sound);
    const loudest = Math.max(...levels);
    const peaks = levels.map((level) => level / (loudest || 1));
    return { seconds: sound.duration, rate, isSilent: loudest < QUIET, peaks };
  } catch {
    return null;
  }
}

/** Return the highest level of any channel in each of `PEAKS` parts. @param {AudioBuffer} sound */
function levelsOf(sound) {
  /** @type {number[]} */
  const levels = Array(PEAKS).fill(0);
  for (let at = 0; at < sound.numberOfChannels; at++)
    sound.getChannelData(at).forEach((sample, index) => {
      const part = Math.floor((index * PEAKS) / sound.length);
      levels[part] = Math.max(levels[part] ?? 0, Math.abs(sample));
    });
  return levels;
}

/**
 * Return the sample rate in the head of a FLAC or WAV file, 0 for others.
 * @param {DataView} head
 */
export function rateOf(head) {
  if (head.byteLength < 28) return 0;
  const kind = String.fromCharCode(...new Uint8Array(head.buffer, head.byteOffset, 4));
  if (kind === "fLaC") return head.getUint32(18) >>> 12;
  return kind === "RIFF" ? head.getUint32(24, true) : 0;
}

/** @param {number} seconds */
export const lengthWords = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/**
 * Return a sound's length and rate in words, such as "0:10 · 44.1 kHz".
 * @param {SoundFacts} facts
 */
export function soundWords({ seconds, rate }) {
  const length = lengthWords(Math.max(1, Math.round(seconds)));
  if (!rate) return length;
  const kilohertz = (rate / 1000).toLocaleString(LANGUAGE);
  const words = message("{number} kHz", { number: kilohertz });
  return `${length} · ${words}`;
}
