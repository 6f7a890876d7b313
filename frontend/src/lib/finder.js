// Suggestions below a search box: the combobox pattern of WAI-ARIA with a list box, by keyboard, pointer and ear.

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
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
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
    if (option.dataset.url) location.assign(option.dataset.url);
    else {
      input.value = option.dataset.text;
      form.requestSubmit();
    }
  }

  function show(found) {
    list.replaceChildren(...found.map((item, index) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.text = item.text;
      option.dataset.url = item.url ?? "";
      const text = document.createElement("span");
      text.innerHTML = item.highlight; // made safe by the server: text with <mark>
      const kind = document.createElement("small");
      kind.textContent = root.dataset[item.kind] ?? "";
      option.append(text, kind);
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => go(option));
      return option;
    }));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    voice.textContent = found.length ? `${found.length} ${root.dataset.words}` : "";
    active = -1;
  }

  async function ask() {
    stopAsking();
    asking = new AbortController();
    try {
      const answer = await fetch(`${root.dataset.suggest}?q=${encodeURIComponent(typed)}`, { signal: asking.signal });
      if (!answer.ok) return close();
      const body = await answer.json();
      if (document.activeElement === input) show((body.suggestions ?? body.items ?? body).slice(0, 8));
    } catch (error) {
      if (error.name !== "AbortError") close(); // without suggestions the box is still a search box
    }
  }

  input.addEventListener("input", (event) => {
    if (event.isComposing) return;
    typed = input.value;
    stopAsking();
    if (typed.trim()) timer = setTimeout(ask, WAIT);
    else close();
  });
  input.addEventListener("compositionend", () => input.dispatchEvent(new Event("input")));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const last = options().length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen()) return typed.trim() ? ask() : undefined;
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose(active + step > last ? -1 : active + step < -1 ? last : active + step);
    } else if (event.key === "Escape" && isOpen()) {
      event.preventDefault();
      input.value = typed;
      close();
    } else if (event.key === "Enter" && isOpen() && active >= 0) {
      event.preventDefault();
      go(options()[active]);
    }
  });
  input.addEventListener("blur", close);
}
