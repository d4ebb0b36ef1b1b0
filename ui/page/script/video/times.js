// @ts-check
// Arithmetic for a video's frames, loop range and speed. Times are in seconds. Pure.

/** Frames per second until the video's own rate is known. */
export const DEFAULT_RATE = 30;
export const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const NEEDED = 3; // differences between frames that tell the rate
const WHOLE = 0.02; // frames per second; rates this close to a whole number are that number
const EARLY = 0.1; // frames; a time this close before a frame belongs to it
const SIMILAR = 0.1; // share of the longer video
const SIMILAR_SECONDS = 0.5;

/** @typedef {{ from: number, to: number }} Loop */

/**
 * Return the frame rate, or null if the times don't tell it. A player may drop frames, so each difference counts as the
 * closest multiple of the smallest one.
 * @param {readonly number[]} times start times of some frames, in any order
 */
export function rateOf(times) {
  const sorted = [...times].sort((one, other) => one - other);
  const gaps = sorted.slice(1).map((time, at) => time - (sorted[at] ?? 0));
  const real = gaps.filter((gap) => gap > 0.001);
  if (real.length < NEEDED) return null;
  const least = Math.min(...real);
  const frames = real.reduce((sum, gap) => sum + Math.round(gap / least), 0);
  const rate = frames / real.reduce((sum, gap) => sum + gap, 0);
  const whole = Math.round(rate);
  return Math.abs(rate - whole) < WHOLE ? whole : rate;
}

/** @param {number} duration @param {number} rate */
export const frameCount = (duration, rate) => Math.max(1, Math.round((duration || 0) * rate));

/** @param {number} time @param {number} rate @param {number} duration */
export const frameAt = (time, rate, duration) =>
  between(Math.floor(time * rate + EARLY), 0, frameCount(duration, rate) - 1);

/**
 * Return the time to seek to for a frame: its middle, which no rounding moves to another frame.
 * @param {number} frame
 * @param {number} rate
 */
export const timeOf = (frame, rate) => (frame + 0.5) / rate;

/**
 * Return the time some frames further, without leaving the video.
 * @param {number} time
 * @param {number} frames negative for earlier frames
 * @param {number} rate
 * @param {number} duration
 */
export function afterSteps(time, frames, rate, duration) {
  const last = frameCount(duration, rate) - 1;
  return timeOf(between(frameAt(time, rate, duration) + frames, 0, last), rate);
}

/** @param {number} speed @param {1 | -1} direction */
export function nextSpeed(speed, direction) {
  const faster = SPEEDS.filter((one) => (one - speed) * direction > 0);
  return (direction > 0 ? faster[0] : faster.at(-1)) ?? speed;
}

/**
 * Return the loop with a new start or end. The other end moves to the video's if it would be on the wrong side.
 * @param {Loop | null} loop
 * @param {"from" | "to"} end
 * @param {number} time
 * @param {number} duration
 * @returns {Loop}
 */
export function withEnd(loop, end, time, duration) {
  const { from, to } = loop ?? { from: 0, to: duration };
  if (end === "from") return { from: time, to: to > time ? to : duration };
  return { from: from < time ? from : 0, to: time };
}

/**
 * Return the time to jump to if a playing video has left its loop, or null.
 * @param {number} time
 * @param {Loop | null} loop
 */
export const jumpFor = (time, loop) =>
  loop && (time > loop.to || time < loop.from - EARLY) ? loop.from : null;

/**
 * Return whether videos are similar enough in length to play together.
 * @param {readonly number[]} durations
 */
export function areSimilar(durations) {
  const [least, most] = [Math.min(...durations), Math.max(...durations)];
  return most - least <= Math.max(SIMILAR_SECONDS, SIMILAR * most);
}

/** @param {number} value @param {number} least @param {number} most */
const between = (value, least, most) => Math.min(Math.max(value, least), most);
