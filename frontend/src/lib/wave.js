// The waveform of a sound: bars to look at, under a real range input that mouse, finger, keys and screen readers know.

import { clock } from "./progress.js";

const BAR = 4; // pixels a bar takes, its gap included

/** Draws `levels` (0..255) into `root` and moves `media` when the reader moves the range. `words`: its name. */
export function wave(root, media, levels, length, words) {
  const range = root.querySelector("input");
  const drawing = root.querySelector("svg");
  const seconds = () => (Number.isFinite(media.duration) ? media.duration : length);

  function draw() {
    const width = Math.max(1, Math.round(drawing.clientWidth));
    const height = Math.max(1, Math.round(drawing.clientHeight));
    const count = Math.max(1, Math.floor(width / BAR));
    const bars = Array.from({ length: count }, (_, index) => {
      const from = Math.floor((index * levels.length) / count);
      const to = Math.max(from + 1, Math.floor(((index + 1) * levels.length) / count));
      const tall = Math.max(2, (Math.max(...levels.slice(from, to)) / 255) * height);
      return `M${index * BAR + 1} ${((height - tall) / 2).toFixed(1)}v${tall.toFixed(1)}`;
    });
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const path of drawing.querySelectorAll("path")) path.setAttribute("d", bars.join(""));
  }

  function show() {
    const all = seconds() || 1;
    range.max = all;
    range.value = media.currentTime;
    range.setAttribute("aria-valuetext", `${clock(media.currentTime)} / ${clock(all)}`);
    root.style.setProperty("--heard", `${(100 * media.currentTime) / all}%`);
  }

  range.setAttribute("aria-label", words);
  range.addEventListener("input", () => {
    media.currentTime = Number(range.value);
    show();
  });
  for (const name of ["timeupdate", "seeked", "durationchange"]) media.addEventListener(name, show);
  new ResizeObserver(draw).observe(root);
  draw();
  show();
}
