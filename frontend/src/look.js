// Readings and galleries: keys to turn pages, the page remembered, pictures looked at closely.

import { find, keep, tell } from "./lib/progress.js";

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
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea, .scroll") || event.altKey || event.ctrlKey || event.metaKey) return;
    const side = { ArrowLeft: "prev", PageUp: "prev", ArrowRight: "next", PageDown: "next" }[event.key];
    const link = side && reader.querySelector(`a[rel=${side}]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
  });
}

const gallery = document.querySelector("[data-gallery]");
if (gallery) {
  const [zoom, before, after, shut] = gallery.dataset.words.split("|");
  const links = [...gallery.querySelectorAll("a[data-number]")];
  const dialog = document.createElement("dialog");
  dialog.className = "viewer";
  const canvas = document.createElement("div");
  canvas.className = "canvas";
  const image = document.createElement("img");
  canvas.append(image);
  const footer = document.createElement("footer");
  const caption = document.createElement("p");
  caption.setAttribute("role", "status");
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  let shown = 0;
  const show = (index) => {
    shown = (index + links.length) % links.length;
    const name = links[shown].querySelector("figcaption").textContent;
    canvas.classList.remove("zoomed");
    image.src = links[shown].href;
    image.alt = name;
    caption.textContent = `${name}  ${shown + 1} / ${links.length}`;
  };
  const closer = (event) => {
    const box = image.getBoundingClientRect();
    const x = event.clientX ? (event.clientX - box.left) / box.width : 0.5;
    const y = event.clientY ? (event.clientY - box.top) / box.height : 0.5;
    if (canvas.classList.toggle("zoomed")) {
      canvas.scrollTo(x * image.naturalWidth - canvas.clientWidth / 2, y * image.naturalHeight - canvas.clientHeight / 2);
    }
  };
  image.addEventListener("click", closer);
  footer.append(button(before, () => show(shown - 1)), button(after, () => show(shown + 1)), caption, button(zoom, closer), button(shut, () => dialog.close()));
  dialog.append(canvas, footer);
  document.body.append(dialog);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" && !canvas.classList.contains("zoomed")) show(shown - 1);
    if (event.key === "ArrowRight" && !canvas.classList.contains("zoomed")) show(shown + 1);
  });
  dialog.addEventListener("close", () => links[shown].focus());
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
    dialog.showModal();
  }));
}
