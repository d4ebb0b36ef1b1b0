// @ts-check
// A photo from the camera, in a dialog of its own.

import { button, element } from "../dom.js";
import { message } from "../messages.js";

/** Whether the browser lets a page use cameras: over https and on this machine only. */
export const mayUseCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Have a photo taken. Rejects if no camera can be used.
 * @returns {Promise<File | null>} null if the person has left
 */
export async function takePhoto() {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } },
  });
  const dialog = element("dialog", "camera");
  dialog.ariaLabel = message("Camera");
  const video = element("video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true, autoplay: true });
  const tools = element("div", "tools");
  dialog.append(video, tools);
  document.body.append(dialog);
  dialog.showModal();
  const isTaken = await new Promise((done) => {
    const take = button(message("Take photo"), () => done(true), "button primary");
    take.disabled = true;
    video.addEventListener("playing", () => {
      take.disabled = false;
      take.focus();
    });
    tools.append(
      take,
      button(message("Cancel"), () => done(false)),
    );
    dialog.addEventListener("close", () => done(false));
  });
  const photo = isTaken ? await photoOf(video) : null;
  for (const track of stream.getTracks()) track.stop();
  dialog.remove();
  return photo;
}

/**
 * What is seen now.
 * @param {HTMLVideoElement} video
 */
async function photoOf(video) {
  const canvas = element("canvas");
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  return new File([/** @type {Blob} */ (blob)], "photo.jpg", { type: "image/jpeg" });
}
