// Suggestions below a search box: the combobox pattern of WAI-ARIA with a list box, by keyboard, pointer and ear.

import { markup } from "./trusted.js";

const WAIT = 90; // milliseconds without a key before asking

export function finder(root) {
  const input = root.querySelector("input[name=q]");
  const form = root.querySelector("form");
  const list = document.createElement("ul");
  const voice = document.createElement("p");
  list.id = `${input.id}-suggestions`;
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  list.hidden = true;
  voice.className = "visually-hidden";
  voice.setAttribute("role", "status");
  root.append(list, voice);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list", "aria-haspopup": "listbox",
  })) input.setAttribute(name, value);

  let typed = input.value;
  let active = -1;
  let timer;
  let asking;

  const options = () => [...list.children];
  const isOpen = () => !list.hidden;

  function stopAsking() {
    clearTimeout(timer);
    asking?.abort();
  }

  function close() {
    stopAsking(); // a late answer must not open what was closed
    list.hidden = true;
    active = -1;
    voice.textContent = "";
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function write(text) {
    typed = text;
    input.value = text;
  }

  function choose(index) {
    stopAsking(); // a late answer must not take away what the arrows are choosing from
    options().forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
    active = index;
    const option = options()[index];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
      input.value = option.dataset.text;
    } else {
      input.removeAttribute("aria-activedescendant");
      input.value = typed;
    }
  }

  function go(option) {
    input.value = typed; // who comes back finds the own words
    location.assign(option.dataset.url);
  }

  function show(found) {
    list.replaceChildren(...found.map((item, index) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.text = item.text;
      option.dataset.url = item.url;
      const text = document.createElement("span");
      text.innerHTML = markup(item.highlight); // made safe by the server: text with <mark>
      const kind = document.createElement("small");
      kind.textContent = root.dataset[item.kind] ?? "";
      option.append(text, kind);
      option.addEventListener("click", () => go(option));
      return option;
    }));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    input.removeAttribute("aria-activedescendant");
    voice.textContent = found.length ? `${found.length} ${root.dataset.words}` : root.dataset.none;
    active = -1;
  }

  async function ask() {
    stopAsking();
    asking = new AbortController();
    try {
      const answer = await fetch(`${root.dataset.suggest}?q=${encodeURIComponent(typed)}`, { signal: asking.signal });
      if (!answer.ok) return close();
      const found = await answer.json();
      if (document.activeElement === input) show(found);
    } catch (error) {
      if (error.name !== "AbortError") close(); // without suggestions the box is still a search box
    }
  }

  // While characters are being composed, neither is anything asked nor do the keys belong to us.
  const composing = (event) => event.isComposing || event.keyCode === 229;

  input.addEventListener("input", (event) => {
    if (event.isComposing) return stopAsking();
    typed = input.value;
    stopAsking();
    if (typed.trim()) timer = setTimeout(ask, WAIT);
    else close();
  });
  input.addEventListener("compositionstart", stopAsking);
  input.addEventListener("compositionend", () => input.dispatchEvent(new Event("input")));

  const keys = {
    ArrowDown: () => (isOpen() ? choose(active === options().length - 1 ? -1 : active + 1) : typed.trim() && ask()),
    ArrowUp: () => (isOpen() ? choose(active === -1 ? options().length - 1 : active - 1) : typed.trim() && ask()),
    Escape: () => {
      if (isOpen()) {
        input.value = typed;
        close();
      } else write("");
    },
    Enter: () => (isOpen() && active >= 0 ? go(options()[active]) : false),
    // Back to the words; the browser moves the cursor.
    Home: () => (active >= 0 && choose(-1), false),
    End: () => (active >= 0 && choose(-1), false),
  };
  input.addEventListener("keydown", (event) => {
    if (composing(event) || event.ctrlKey || event.metaKey || !keys[event.key]) return;
    if (keys[event.key]() !== false) event.preventDefault();
  });
  // A finger or a mouse on the list keeps the list as it is, and the box its focus.
  list.addEventListener("pointermove", stopAsking);
  list.addEventListener("pointerdown", (event) => {
    stopAsking();
    event.preventDefault();
  });
  input.addEventListener("blur", close);
  form.addEventListener("submit", () => close());
}
