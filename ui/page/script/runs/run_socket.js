// @ts-check
// The socket of a run: how far it is, and its frames, one after the other as they are painted.

import { root } from "../dom.js";

/** @import { View } from "../state.js" */
/** @import { Place } from "../stage/preview_animation.js" */

const LAST_PAINT = 300; // milliseconds that the end of a run waits for its last frame
const LONGEST = 600000; // milliseconds that a frame is said to have taken

/**
 * `heard`: something came; `began`: the run with this id is the one that was waited for; `told`: how far the
 * run is, its end after its last frame; `paint` a frame, of an animation at its place; `closed`: `isOver` where the end was told, which is before.
 * @typedef {{ opened?: () => void, heard?: () => void, began?: (id: string) => void, told: (view: View) => void,
 *   paint: (frame: ArrayBuffer, place: Place | null) => Promise<unknown>,
 *   closed?: (code: number, isOver: boolean) => void }} RunEvents
 */

/**
 * @param {string} place a run's id, or `next/` and a key of this page's choice: that of the next run it starts
 * @param {RunEvents} events
 */
export function openRunSocket(place, { opened, heard, began, told, paint, closed }) {
  const socket = new WebSocket(`${root.replace(/^http/, "ws")}/live/${place}`);
  socket.binaryType = "arraybuffer";
  /** The frame that comes next, and since when. */
  let coming = { number: 0, since: 0, place: /** @type {Place | null} */ (null) };
  let newest = 0;
  /** One after the other. @type {Promise<void>} */
  let painting = Promise.resolve();
  /** The end being told. @type {Promise<void> | null} */
  let ending = null;
  /** The last frame is seen before the result; a page that is not seen paints nothing. @param {View} view */
  const end = async (view) => {
    await Promise.race([painting, new Promise((resolve) => setTimeout(resolve, LAST_PAINT))]);
    told(view);
  };
  socket.onopen = () => opened?.();
  socket.onmessage = ({ data }) => {
    heard?.();
    if (typeof data === "string") {
      const said = JSON.parse(data);
      const since = performance.now();
      if ("frame" in said)
        coming = { number: said.frame, since, place: "at" in said ? said : null };
      else if ("run" in said) began?.(said.run);
      else if (said.finished) ending = end(said);
      else told(said);
      return;
    }
    const { number, since, place } = coming;
    newest = number;
    const spent = Math.min(LONGEST, Math.round(performance.now() - since));
    painting = painting.then(async () => {
      // Where a newer one is here already, this one is only let go; an animation needs each.
      if (number === newest || place) await paint(data, place);
      if (socket.readyState === WebSocket.OPEN) socket.send(`painted ${number} ${spent}`);
    });
  };
  socket.onclose = async ({ code }) => {
    await ending;
    closed?.(code, ending !== null);
  };
  return socket;
}
