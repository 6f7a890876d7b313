// The list changes its address while it is narrowed; a view is saved as the list stands when the button is pressed.

for (const form of document.querySelectorAll("[data-save-view]")) {
  form.addEventListener("submit", () => {
    form.elements.query.value = location.search;
  });
}
