// While work goes on, the desk asks how far it is. Where that changes what the page offers, the page comes anew.

const EVERY = 3000; // milliseconds

async function look(way) {
  try {
    const answer = await fetch(way.dataset.way, { headers: { Accept: "text/html" } });
    if (!answer.ok) return null;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    const fresh = made.content.querySelector(".wl-way");
    if (!fresh) return null; // the sign-in page: the session has ended
    way.replaceWith(fresh);
    return fresh;
  } catch {
    return null; // the line is away; the next turn asks again
  }
}

async function turn() {
  if (document.visibilityState === "visible") {
    for (const way of document.querySelectorAll("[data-way]")) {
      const fresh = await look(way);
      if (fresh && !fresh.dataset.way && fresh.closest("[data-ways=reload]")) return location.reload();
    }
  }
  setTimeout(turn, EVERY);
}

setTimeout(turn, EVERY);
