// The filters of the search page: a field that looks through a long list while one types, and on a phone a drawer that
// stays open from choice to choice and is found again as it was left. Without scripts all of it are links and a form.

const STAY = "wenlan:filters";
const narrow = matchMedia("(max-width: 52em)");

export function filters(drawer) {
  for (const facet of drawer.querySelectorAll("[data-facet]")) {
    const field = facet.querySelector(".within input[type=search]");
    if (field) lookThrough(facet, field);
  }
  // Browsers that cannot show a closed drawer as a column get it opened on a wide screen.
  if (!narrow.matches) {
    if (!CSS.supports("selector(::details-content)")) drawer.open = true;
    return;
  }
  keepOpen(drawer);
}

function lookThrough(facet, field) {
  const said = facet.querySelector("[data-within-said]");
  const rest = facet.querySelector(".rest");
  const rows = [...facet.querySelectorAll("li[data-value]")];
  field.addEventListener("input", (event) => {
    if (event.isComposing) return;
    const wanted = field.value.trim().toLowerCase();
    let found = 0;
    for (const row of rows) {
      row.hidden = !row.dataset.value.toLowerCase().includes(wanted);
      found += !row.hidden;
    }
    if (rest) rest.open = wanted !== "";
    said.textContent = wanted ? (found ? `${found} ${said.dataset.some}` : said.dataset.none) : "";
  });
  field.addEventListener("compositionend", () => field.dispatchEvent(new Event("input")));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !field.value) return;
    event.preventDefault();
    field.value = "";
    field.dispatchEvent(new Event("input"));
  });
}

function keepOpen(drawer) {
  const kept = sessionStorage.getItem(STAY);
  sessionStorage.removeItem(STAY);
  if (kept !== null || history.state?.filters) drawer.open = true;
  if (kept !== null) scrollTo(0, Number(kept));
  drawer.addEventListener("toggle", () => history.replaceState({ ...history.state, filters: drawer.open }, ""));
  drawer.addEventListener("click", (event) => {
    if (event.target.closest("[data-facet] a")) sessionStorage.setItem(STAY, String(scrollY));
    if (event.target.closest("[data-filters-done]")) drawer.open = false;
  });
}
