// The lists beside a film, transcript and chapters: the line that plays is marked and kept in sight, a line that is pressed
// plays, and words typed above a transcript leave the lines that have them.

import { mark } from "./mark.js";

/** `list`: a details element with links that have data-start, in seconds. */
export function lines(list, video) {
  const scroll = list.querySelector(".scroll");
  const all = [...list.querySelectorAll("[data-start]")];
  const starts = all.map((line) => Number(line.dataset.start));
  let current;
  let touched = 0;
  for (const name of ["wheel", "touchmove", "keydown"]) scroll.addEventListener(name, () => (touched = Date.now()), { passive: true });
  const play = (line) => {
    video.currentTime = Number(line.dataset.start) + 0.01;
    video.play().catch(() => {});
  };
  const show = (line, smoothly = true) => {
    const still = !smoothly || matchMedia("(prefers-reduced-motion: reduce)").matches;
    scroll.scrollTo({ top: line.offsetTop - scroll.offsetTop - scroll.clientHeight / 3, behavior: still ? "auto" : "smooth" });
  };
  list.addEventListener("click", (event) => {
    const line = event.target.closest("[data-start]");
    if (!line) return;
    event.preventDefault();
    play(line);
  });
  const box = list.querySelector("[data-find]");
  const looking = () => Boolean(box?.querySelector("input").value);
  video.addEventListener("timeupdate", () => {
    const after = starts.findIndex((start) => start > video.currentTime + 0.05);
    const line = all[(after === -1 ? all.length : after) - 1];
    if (line === current) return;
    current?.removeAttribute("aria-current");
    line?.setAttribute("aria-current", "true");
    current = line;
    // A reader who scrolls or looks for words is busy: do not pull the list away.
    if (line && list.open && !looking() && Date.now() - touched > 4000) show(line);
  });
  if (box) find(box, all, { play, back: () => current && show(current, false) });
}

function find(box, all, { play, back }) {
  const input = box.querySelector("input");
  const told = box.querySelector("[role=status]");
  const texts = all.map((line) => line.querySelector("span"));
  const search = () => {
    const wanted = input.value.trim().toLowerCase();
    const found = texts.filter((text) => wanted && text.textContent.toLowerCase().includes(wanted));
    for (const text of texts) text.closest("li").hidden = Boolean(wanted) && !found.includes(text);
    mark(found, wanted);
    told.textContent = !wanted ? "" : found.length ? told.dataset.some.replace("{n}", found.length) : told.dataset.none;
    if (!wanted) back();
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && input.value) {
      event.preventDefault();
      input.value = "";
      search();
    } else if (event.key === "Enter" && !event.isComposing) {
      const first = all.find((line) => !line.parentElement.hidden);
      if (first && input.value.trim()) play(first);
    }
  });
}
