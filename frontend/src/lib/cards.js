// Cards of what a reader was watching, from the device's or the account's memory.

import { clock } from "./progress.js";

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function card(item) {
  const entry = element("li");
  const article = element("article", "card");
  const cover = element("span", "cover");
  cover.setAttribute("aria-hidden", "true");
  if (item.cover) {
    const image = element("img");
    Object.assign(image, { src: item.cover, alt: "", loading: "lazy", width: 480, height: 270 });
    cover.append(image);
  }
  const reading = item.kind === "reading";
  const place = reading ? `${item.position} / ${item.duration ?? "?"}` : clock(item.position);
  if (!item.finished) cover.append(element("span", "badge", place));
  if (item.duration && !item.finished) {
    const bar = element("span", "watched");
    const done = element("i");
    done.style.inlineSize = `${Math.min(100, (100 * item.position) / item.duration)}%`;
    bar.append(done);
    cover.append(bar);
  }
  const title = element("h3", "title");
  const link = element("a", "", item.course || item.title);
  const url = new URL(item.url, location.href);
  if (reading && !item.finished) url.searchParams.set("page", item.position);
  link.href = url.pathname + url.search;
  title.append(link);
  const meta = item.title && item.title !== item.course ? item.title : (item.institution ?? "");
  article.append(cover, title, element("p", "meta", meta));
  entry.append(article);
  return entry;
}
