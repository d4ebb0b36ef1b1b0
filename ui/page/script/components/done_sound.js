// @ts-check
// The sound at the end of the user's last run, if they have turned it on.

import { SOUNDS, write } from "../storage.js";

const TONES = [660, 880]; // hertz
const LENGTH = 0.18; // seconds
const LOUDNESS = 0.15;

/**
 * Turn the sound on or off. Let the user hear it.
 * @param {boolean} wish
 */
export function playWhenDone(wish) {
  write(localStorage, SOUNDS, wish);
  if (wish) playSound();
  return wish;
}

/** Play two tones. Browsers stay silent until the user has used the page. */
export function playSound() {
  const context = new AudioContext();
  for (const [at, tone] of TONES.entries()) {
    const begins = context.currentTime + at * LENGTH;
    const volume = context.createGain();
    volume.gain.setValueAtTime(LOUDNESS, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + 2 * LENGTH);
    const source = context.createOscillator();
    source.frequency.value = tone;
    source.connect(volume).connect(context.destination);
    source.start(begins);
    source.stop(begins + 2 * LENGTH);
    if (at === TONES.length - 1) source.onended = () => context.close();
  }
}
