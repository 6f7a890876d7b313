// Captions: shown from the first word, as large and where the viewer wants them. What was chosen is kept on the device.

import { read, write } from "./memory.js";

const KEPT = "wenlan:captions";

/**
 * Shows the captions in the language of the page where there are any, whether or not controls have come. Returns
 * {look, choose}: look is {size: small, medium, large or huge; place: bottom or top; off}, choose changes some of it.
 */
export function captions(video, root) {
  const tracks = [...video.querySelectorAll("track[kind=captions]")];
  const language = document.documentElement.lang;
  const fitting = (known) => tracks.find(({ srclang }) => srclang.startsWith(known));
  const shown = fitting(language) ?? fitting(language.slice(0, 2)) ?? tracks[0];
  const look = { size: "medium", place: "bottom", off: false, ...read(KEPT) };

  const place = ({ track }) => {
    for (const cue of track.cues ?? []) cue.line = look.place === "top" ? 0 : "auto";
  };
  const apply = () => {
    root.dataset.captions = `${look.size} ${look.place}`;
    tracks.forEach(place);
  };
  for (const track of tracks) track.addEventListener("load", () => place(track));
  apply();
  if (shown) shown.track.mode = look.off ? "hidden" : "showing";

  return {
    look,
    choose(changes) {
      Object.assign(look, changes);
      write(KEPT, look);
      apply();
      // A line that is on the screen stays as it is until it is shown anew.
      const [now = shown] = tracks.filter(({ track }) => track.mode === "showing");
      if (!now) return;
      now.track.mode = "hidden";
      if (!look.off) now.track.mode = "showing";
    },
  };
}
