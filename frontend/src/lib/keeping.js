// The buttons of what is kept: on the page of a course, on the shelf, and on the page without a network.

import { bytes, check, drop, find, keep, lessons, room } from "./kept.js";

/** Bytes in words: 0.3 MB, 12 MB, 9.8 GB. */
function size(number) {
  const [value, unit] = number < 1e9 ? [number / 1e6, "MB"] : [number / 1e9, "GB"];
  return `${value >= 10 ? Math.round(value) : Math.max(0.1, value).toFixed(1)} ${unit}`;
}
const percent = (part) => `${Math.round(100 * part)} %`;

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** `box`: a details element with data-url (the path of the open lesson) and its words as data. */
export function keeper(box) {
  if (!("caches" in self) || !("serviceWorker" in navigator)) return box.remove();
  const { url } = box.dataset;
  const [words, modules] = [box.dataset.words, box.dataset.modules].map((json) => JSON.parse(json));
  const told = box.querySelector("[role=status]");
  const [one, all, remove] = ["one", "all", "remove"].map((name) => box.querySelector(`[data-do=${name}]`));
  const others = [...document.querySelectorAll(".lessons a[data-lesson]")].map((link) => new URL(link.href).pathname);
  const summary = box.querySelector("[data-word]");
  const show = () => {
    const kept = find(url);
    summary.textContent = kept?.done ? words.kept : words.keep;
    box.classList.toggle("is-kept", Boolean(kept?.done));
    one.hidden = Boolean(kept?.done);
    remove.hidden = !kept;
    one.textContent = kept && !kept.done ? words.again : words.one;
    all.hidden = others.length < 2;
  };
  const say = (sentence) => (told.textContent = sentence);
  show();
  box.addEventListener("toggle", async () => {
    if (!box.open || one.disabled || find(url)?.done) return;
    say("");
    const [wanted, free] = await Promise.all([bytes(url).catch(() => 0), room()]);
    if (wanted && !told.textContent) say((wanted > free ? words.tight : words.size).replace("{size}", size(wanted)).replace("{free}", free === Infinity ? "?" : size(free)));
  });
  const begin = async (urls) => {
    one.disabled = all.disabled = true;
    try {
      for (const [index, address] of urls.entries()) {
        await keep(address, modules, (part) => say(words.going.replace("{part}", percent((index + part) / urls.length))));
      }
      say(words.done);
    } catch (error) {
      say(error.name === "QuotaExceededError" ? words.full : words.failed);
    }
    one.disabled = all.disabled = false;
    show();
  };
  one.addEventListener("click", () => begin([url]));
  all.addEventListener("click", () => begin(others));
  remove.addEventListener("click", async () => {
    await drop(url);
    say(words.removed);
    show();
  });
}

/** `section`: a list of everything kept, with its words as data; hidden while there is nothing. */
export async function keptList(section) {
  if (!("caches" in self)) return;
  const words = JSON.parse(section.dataset.words);
  const list = section.querySelector("ul");
  const total = section.querySelector("p");
  const fill = async () => {
    const all = lessons();
    section.hidden = all.length === 0;
    list.replaceChildren(...all.map((lesson) => {
      const link = element("a", { href: lesson.url, textContent: lesson.title === lesson.course ? lesson.course : `${lesson.course} · ${lesson.title}` });
      const about = [...(lesson.done ? [] : [words.part]), ...(lesson.bytes ? [size(lesson.bytes)] : [])].join(" · ");
      const button = element("button", { type: "button", className: "chip", textContent: words.remove });
      button.setAttribute("aria-label", `${words.remove} ${lesson.title}`);
      button.addEventListener("click", async () => {
        await drop(lesson.url);
        fill();
      });
      return element("li", {}, link, element("span", { className: "quiet number", textContent: about }), button);
    }));
    const free = await room();
    const sum = all.reduce((so, { bytes: more = 0 }) => so + more, 0);
    total.textContent = words.total.replace("{size}", size(sum)).replace("{free}", free === Infinity ? "?" : size(free));
  };
  fill();
  if (navigator.onLine) check().then((gone) => gone && fill()); // a list made anew would take a press away
}
