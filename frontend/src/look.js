// Readings and galleries: keys to turn pages, the page remembered, pictures looked at closely.

import { mark } from "./lib/mark.js";
import { read, write } from "./lib/memory.js";
import { find, keep, tell } from "./lib/progress.js";
import { plates } from "./lib/viewer.js";

const WHOLE = "wenlan:whole-page"; // the reader sees whole pages rather than the full width
const TEXT_SIZE = "wenlan:text-size"; // steps from the usual size of a book's text
const STEPS = [0.85, 1, 1.2, 1.45, 1.75, 2.1]; // times the usual size

const reader = document.querySelector("[data-reader]");
if (reader) {
  const page = Number(reader.dataset.page);
  const pages = Number(reader.dataset.pages);
  const data = JSON.parse(document.getElementById("player-data").textContent);
  const asked = new URLSearchParams(location.search).has("page");
  const known = find(data.lesson);
  if (!asked && known && known.position > 1 && !known.finished) {
    location.replace(`?page=${known.position}`);
  } else {
    const entry = {
      lesson: data.lesson, course: data.course, title: data.title, url: data.url, cover: data.cover, kind: "reading",
      institution: data.institution, position: page, duration: pages, finished: page === pages, restarted: asked,
    };
    keep(entry);
    tell(entry);
  }
  const shape = reader.querySelector("[data-whole]");
  const reshape = (whole) => {
    reader.classList.toggle("whole", whole);
    shape.setAttribute("aria-pressed", String(whole));
  };
  const turn = () => {
    const whole = !reader.classList.contains("whole");
    localStorage.setItem(WHOLE, whole ? "yes" : "");
    reshape(whole);
  };
  if (shape) {
    reshape(localStorage.getItem(WHOLE) === "yes");
    shape.addEventListener("click", turn);
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea, .scroll") || event.altKey || event.ctrlKey || event.metaKey) return;
    const goal = { ArrowLeft: page - 1, PageUp: page - 1, ArrowRight: page + 1, PageDown: page + 1, Home: 1, End: pages }[event.key];
    if (goal >= 1 && goal <= pages && goal !== page) {
      event.preventDefault();
      location.assign(`?page=${goal}#reader`);
    } else if (event.key === "w" && shape) turn();
    else if (event.key === "g") {
      event.preventDefault();
      reader.querySelector("input[name=page]").select();
    }
  });
  const words = new URLSearchParams(location.search).get("find");
  if (words) mark(reader.querySelectorAll(".section, #page-text"), words);
  const sizes = reader.querySelector("[data-text-size]");
  const section = reader.querySelector(".section");
  if (sizes && section) {
    let step = Math.min(STEPS.length - 1, Math.max(0, Number(read(TEXT_SIZE, 1))));
    const show = () => section.style.setProperty("font-size", `${STEPS[step]}em`);
    show();
    sizes.hidden = false;
    sizes.addEventListener("click", (event) => {
      const by = Number(event.target.closest("[data-step]")?.dataset.step ?? 0);
      step = Math.min(STEPS.length - 1, Math.max(0, step + by));
      write(TEXT_SIZE, step);
      show();
    });
  }
  const here = document.querySelector("[data-contents] [aria-current]");
  if (here) here.closest(".scroll").scrollTop = here.offsetTop - here.closest(".scroll").offsetTop - 80;
}

const gallery = document.querySelector("[data-gallery]");
if (gallery) {
  const { links, viewer } = plates(gallery, (link) => link.focus());
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    viewer.show(index);
  }));
}
