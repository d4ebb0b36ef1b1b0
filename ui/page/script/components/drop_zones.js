// @ts-check
// While something is held over the page: what a file can become there, each in a place of its own, and the field that
// takes what is held over it.

import { $, element } from "../dom.js";

/**
 * @typedef {{ title: string, about: string, take: (files: readonly File[]) => void }} Zone
 */

/** @type {WeakMap<Element, Zone>} */
const zones = new WeakMap();
/** @type {Element | null} */
let outlined = null;

/**
 * Show these over the page, unless they are there already.
 * @param {() => readonly Zone[]} offered asked once: a file that is held is told of many times a second
 * @param {EventTarget | null} over what the file is held over
 */
export function showZones(offered, over) {
  const place = $("#drop-zones") ?? drawZones(offered());
  for (const one of place.children) one.classList.toggle("over", one === over);
}

/** @param {readonly Zone[]} offered */
function drawZones(offered) {
  const place = element("div");
  place.id = "drop-zones";
  for (const zone of offered) {
    const drawn = element("div", "drop-zone");
    drawn.append(element("strong", "", zone.title), element("span", "", zone.about));
    zones.set(drawn, zone);
    place.append(drawn);
  }
  if (offered.length) $("#columns")?.append(place);
  return place;
}

export const hideZones = () => $("#drop-zones")?.remove();

/**
 * Outline the field that something is held over, and no other.
 * @param {Element | null} field
 */
export function outline(field) {
  outlined?.classList.remove("held-over");
  outlined = field;
  field?.classList.add("held-over");
}

/**
 * The one that a file was dropped on.
 * @param {EventTarget | null} target
 */
export const zoneAt = (target) => (target instanceof Element ? zones.get(target) : undefined);
