// @ts-check
// Feedback while the user drags a file over the page: drop zones for its possible uses, and an outline around the field
// that would take it.

import { $, element } from "../dom.js";

/**
 * @typedef {{ title: string, about: string, take: (files: readonly File[]) => void }} Zone
 */

/** @type {WeakMap<Element, Zone>} */
const zones = new WeakMap();
/** @type {Element | null} */
let outlined = null;

/**
 * Show drop zones over the page, unless they are already there.
 * @param {() => readonly Zone[]} offered called only once, because browsers send many drag events per second
 * @param {EventTarget | null} over element under the pointer
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
    const drawn = element("div", "drop-zone", element("strong", "", zone.title));
    if (zone.about) drawn.append(element("span", "", zone.about));
    zones.set(drawn, zone);
    place.append(drawn);
  }
  if (offered.length) $("#columns")?.append(place);
  return place;
}

export const hideZones = () => $("#drop-zones")?.remove();

/**
 * Outline the field under a dragged file, and no other.
 * @param {Element | null} field
 */
export function outline(field) {
  outlined?.classList.remove("held-over");
  outlined = field;
  field?.classList.add("held-over");
}

/** @param {EventTarget | null} target */
export const zoneAt = (target) => (target instanceof Element ? zones.get(target) : undefined);
