// Reads a page aloud with the browser's own voice, part by part, and marks the part being read.

const PARTS = "h1, h2, h3, p, li, dt, dd, figcaption, td, th, label";
const WAITING_FOR_VOICES = 2000;

/** The voice for the page's language; the system's own voices before those that ask a server. */
function voice() {
  const [language, script] = document.documentElement.lang.toLowerCase().split("-");
  const tongues = language === "zh" ? (script === "hant" ? ["zh-tw", "zh-hk", "zh"] : ["zh-cn", "zh"]) : [language];
  const known = speechSynthesis.getVoices().map((one) => ({ one, tongue: one.lang.toLowerCase().replace("_", "-") }));
  for (const tongue of tongues) {
    const fitting = known.filter((candidate) => candidate.tongue.startsWith(tongue));
    if (fitting.length) return (fitting.find((candidate) => candidate.one.localService) ?? fitting[0]).one;
  }
  return null;
}

/** Innermost parts of the page that can be seen, in order. */
function parts() {
  return [...document.querySelectorAll("main :is(" + PARTS + ")")].filter(
    (part) => part.checkVisibility?.() !== false && !part.querySelector(PARTS) && part.innerText.trim(),
  );
}

export function aloud(button) {
  const start = button.textContent;
  let reading = 0;
  let marked = null;

  function mark(part) {
    marked?.classList.remove("reading-now");
    marked = part;
    part?.classList.add("reading-now");
    part?.scrollIntoView({ block: "center", behavior: "auto" });
  }

  function stop() {
    reading += 1;
    speechSynthesis.cancel();
    mark(null);
    button.textContent = start;
    button.setAttribute("aria-pressed", "false");
  }

  function read(queue, turn) {
    const part = queue.shift();
    if (turn !== reading) return;
    if (!part) return stop();
    const words = new SpeechSynthesisUtterance(part.innerText);
    Object.assign(words, { voice: voice(), lang: voice()?.lang ?? document.documentElement.lang, rate: 0.9 });
    words.onend = () => read(queue, turn);
    words.onerror = () => turn === reading && stop();
    mark(part);
    speechSynthesis.speak(words);
  }

  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-pressed") === "true") return stop();
    for (const film of document.querySelectorAll("video")) film.pause();
    button.textContent = button.dataset.stop;
    button.setAttribute("aria-pressed", "true");
    reading += 1;
    read(parts(), reading);
  });
  addEventListener("pagehide", () => speechSynthesis.cancel());

  // Voices come late in some browsers; without one the button would do nothing, so it stays away.
  const show = () => {
    button.hidden = !voice();
  };
  show();
  speechSynthesis.addEventListener?.("voiceschanged", show);
  setTimeout(show, WAITING_FOR_VOICES);
}
