// @ts-check
// Durations and dates as text, and randomized retry delays.

import { LANGUAGE, message } from "./messages.js";

const RETRY = [300, 1000, 2000, 5000];

/**
 * Return the delay before the next try, in milliseconds.
 * @param {number} tries number of failed tries
 */
export const pause = (tries) =>
  (RETRY[Math.min(tries, RETRY.length - 1)] ?? 0) * (0.75 + Math.random() / 2);

/** @param {number} tries number of failed tries @returns {Promise<unknown>} ends after the delay, or once the device is online */
export const untilRetry = (tries) =>
  new Promise((done) => {
    const end = () => done(removeEventListener("online", end));
    addEventListener("online", end);
    setTimeout(end, pause(tries));
  });

/**
 * Format an estimate: "40 s", "3 min", "4 h".
 * @param {number} seconds
 */
export function durationWords(seconds) {
  if (seconds < 90) return shortWords(Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  return longWords(minutes, Math.round(minutes / 60));
}

/**
 * Format an elapsed time, rounded down: "40 s", "1 min 34 s", "12 min", "4 h".
 * @param {number} seconds
 */
export function elapsedWords(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  if (minutes < 1) return shortWords(Math.max(1, rest));
  const first = longWords(minutes, Math.floor(minutes / 60));
  const second = shortWords(rest);
  return minutes < 10 ? message("{first} {second}", { first, second }) : first;
}

/** @param {number} seconds */
const shortWords = (seconds) => message("{seconds}\u00a0s", { seconds });

/** @param {number} minutes @param {number} hours */
const longWords = (minutes, hours) =>
  minutes < 180 ? message("{minutes}\u00a0min", { minutes }) : message("{hours}\u00a0h", { hours });

/**
 * Return the browser's name of a day, as a heading.
 * @param {number} days from today
 */
function relativeDay(days) {
  const words = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" }).format(days, "day");
  return words.charAt(0).toLocaleUpperCase(LANGUAGE) + words.slice(1);
}

/**
 * Format a day as a heading: "Today", "Yesterday", "November 18". Add the year if it isn't the current one.
 * @param {string} day such as "2026-11-18"
 * @param {Date} [now]
 */
export function dayWords(day, now = new Date()) {
  const date = new Date(`${day}T00:00`);
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (date.getTime() === today.getTime()) return relativeDay(0);
  if (date.getTime() === yesterday.getTime()) return relativeDay(-1);
  /** @type {Intl.DateTimeFormatOptions} */
  const words = { day: "numeric", month: "long" };
  const isThisYear = date.getFullYear() === now.getFullYear();
  return date.toLocaleDateString(LANGUAGE, isThisYear ? words : { ...words, year: "numeric" });
}

/**
 * Format a day in a sentence: "Dec 24". Add the year if it isn't the current one.
 * @param {number} seconds since 1970
 * @param {Date} [now]
 */
export function dateWords(seconds, now = new Date()) {
  const date = new Date(seconds * 1000);
  const isThisYear = date.getFullYear() === now.getFullYear();
  return date.toLocaleDateString(
    LANGUAGE,
    isThisYear ? { day: "numeric", month: "short" } : { dateStyle: "medium" },
  );
}

/**
 * Format a date and time in few characters: "3:33 PM", on another day "Nov 24, 3:33 PM".
 * @param {number} seconds since 1970
 * @param {Date} [now]
 */
export function shortWhen(seconds, now = new Date()) {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString(LANGUAGE, { timeStyle: "short" });
  return date.toDateString() === now.toDateString() ? time : `${dateWords(seconds, now)}, ${time}`;
}

/**
 * Format a date and time, as ui/languages/catalogs.py does.
 * @param {number} seconds since 1970
 */
export const when = (seconds) =>
  new Date(seconds * 1000)
    .toLocaleString(LANGUAGE, { dateStyle: "medium", timeStyle: "short" })
    .replaceAll("\u202f", "\u00a0");
