// Every public page: suggestions, the phone's menu, and the row "continue".

import { filters } from "./lib/filters.js";
import { finder } from "./lib/finder.js";
import { favourite, favourites } from "./lib/favourites.js";
import { everywhere, forget, onDevice, signedIn } from "./lib/progress.js";
import { card } from "./lib/cards.js";
import { read } from "./lib/memory.js";
import { worker } from "./lib/trusted.js";
import "./lib/clicks.js";

for (const root of document.querySelectorAll("[data-finder]")) finder(root);

// For what is kept on the device, and to be installed as an app; asked when the page is done with everything else.
if ("serviceWorker" in navigator) addEventListener("load", () => navigator.serviceWorker.register(worker()).catch(() => {}));

const menu = document.querySelector(".menu");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu?.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});

const reader = document.querySelector("[data-aloud]");
if (reader && "speechSynthesis" in window) import("./lib/aloud.js").then(({ aloud }) => aloud(reader));

const drawer = document.querySelector("[data-filters]");
if (drawer) filters(drawer);

function fill(section, items) {
  if (!section || items.length === 0) return;
  section.querySelector(".grid").replaceChildren(...items.map(card));
  section.hidden = false;
}

document.querySelector("form[data-sign-out]")?.addEventListener("submit", forget);

if (document.querySelector("[data-left]")) import("./lib/leaving.js").then(({ leave }) => leave()).catch(() => {});

const star = document.querySelector("[data-favourite]");
if (star) favourite(star);

// What is no longer public, or may not leave the site any more, does not stay on the device: asked once a visit.
const ASKED = "wenlan:kept-asked";
if (navigator.onLine && Object.keys(read("wenlan:kept")).length && !sessionStorage.getItem(ASKED)) {
  sessionStorage.setItem(ASKED, "yes");
  addEventListener("load", () => import("./lib/kept.js").then(({ check }) => check()));
}

const keeping = document.querySelector("[data-keep-offline]");
if (keeping) addEventListener("load", () => import("./lib/keeping.js").then(({ keeper }) => keeper(keeping)));

const shelf = document.querySelector("[data-shelf]");
if (shelf) {
  import("./lib/keeping.js").then(({ keptList }) => keptList(shelf.querySelector("[data-kept]")));
  favourites().then((items) => {
    fill(shelf.querySelector("[data-favourites]"), items.map(({ title, ...item }) => ({ ...item, course: title, finished: true })));
    if (items.length) shelf.querySelector("[data-shelf-empty]").hidden = true;
  });
}
const going = document.querySelector("[data-continue]");
if (going && (onDevice().length || signedIn())) {
  everywhere().then((items) => {
    fill(going, items.filter((item) => !item.finished).slice(0, shelf ? 40 : 4));
    if (!shelf || items.length === 0) return;
    fill(document.querySelector("[data-finished]"), items.filter((item) => item.finished).slice(0, 40));
    document.querySelector("[data-shelf-empty]").hidden = true;
    const button = document.querySelector("[data-shelf-clear]");
    button.hidden = onDevice().length === 0;
    button.addEventListener("click", () => {
      forget();
      location.reload();
    });
  });
}
