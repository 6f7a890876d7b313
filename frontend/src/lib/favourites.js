// The courses a reader keeps: on the device, or in the account when there is one. The device's go to the account with the
// first page after signing in (settle, in progress.js), but for those the account has no room for.

import { read, write } from "./memory.js";
import { FAVOURITES, ask, settle, signedIn } from "./progress.js";

const onDevice = () => Object.values(read(FAVOURITES)).sort((a, b) => b.at - a.at);

/** The courses kept, last kept first: {course, title, url, cover, institution, kind}. */
export async function favourites() {
  await settle();
  return [...((signedIn() && (await ask("GET", "favourites"))?.items) || []), ...onDevice()];
}

/** A button with data-favourite (the course's number) and what its card shows as data: pressed when the course is kept. */
export async function favourite(button) {
  const { favourite: course, title, url, cover, institution, kind } = button.dataset;
  const show = (kept) => {
    button.setAttribute("aria-pressed", String(kept));
    button.querySelector("[data-word]").textContent = kept ? button.dataset.kept : button.dataset.keep;
  };
  const path = `favourites/${course}`;
  await settle();
  show(course in read(FAVOURITES) || Boolean(signedIn() && (await ask("GET", path))?.kept));
  button.addEventListener("click", async () => {
    const wanted = button.getAttribute("aria-pressed") !== "true";
    if (signedIn() && !(course in read(FAVOURITES))) {
      const answer = await ask(wanted ? "PUT" : "DELETE", path);
      return answer && show(answer.kept); // without an answer the button says what is still true
    }
    const { [course]: _, ...others } = read(FAVOURITES);
    const entry = { course: Number(course), title, url, cover, institution, kind, at: Date.now() };
    write(FAVOURITES, wanted ? { ...others, [course]: entry } : others);
    return show(wanted);
  });
}
