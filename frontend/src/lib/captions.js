// Captions: shown from the first word, as large and where the viewer wants them. What was chosen is kept on the device.

import { read, write } from "./memory.js";

const KEPT = "wenlan:captions";

/**
 * Shows the captions in the language chosen last, else in that of the page, whether or not controls have come. Returns
 * {look, choose, chosen, tracks}: look is {size: small, medium, large or huge; place: bottom or top; off; language: of a
 * track}, choose changes some of it, chosen() is the track it stands for.
 */
export function captions(video, root) {
  const tracks = [...video.querySelectorAll("track[kind=captions]")];
  const language = document.documentElement.lang;
  const fitting = (known) => tracks.find(({ srclang }) => srclang.startsWith(known));
  const look = { size: "medium", place: "bottom", off: false, ...read(KEPT) };
  const chosen = () => tracks.find(({ srclang }) => srclang === look.language) ??
    fitting(language) ?? fitting(language.slice(0, 2)) ?? tracks[0];

  const place = ({ track }) => {
    for (const cue of track.cues ?? []) cue.line = look.place === "top" ? 0 : "auto";
  };
  const apply = () => {
    root.dataset.captions = `${look.size} ${look.place}`;
    tracks.forEach(place);
  };
  for (const track of tracks) track.addEventListener("load", () => place(track));
  apply();
  const first = chosen();
  if (first) first.track.mode = look.off ? "hidden" : "showing";

  return {
    look,
    chosen,
    tracks,
    choose(changes) {
      Object.assign(look, changes);
      write(KEPT, look);
      apply();
      // A line that is on the screen stays as it is until it is shown anew.
      const showing = tracks.find(({ track }) => track.mode === "showing");
      if (showing) showing.track.mode = "hidden";
      const next = "language" in changes ? chosen() : (showing ?? chosen());
      if (next && !look.off) next.track.mode = "showing";
    },
  };
}
