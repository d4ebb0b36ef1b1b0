// @ts-check
// Page of shared results: sounds have the player of the stage.

import { all } from "../dom.js";
import { SoundPlayer } from "../results/sound_player.js";

for (const audio of /** @type {HTMLAudioElement[]} */ (all("audio"))) {
  const { ariaLabel, src, dataset } = audio;
  audio.replaceWith(
    new SoundPlayer({ name: ariaLabel ?? "", url: src, thumb: dataset.wave }).place,
  );
}
