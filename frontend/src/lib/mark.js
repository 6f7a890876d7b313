// Marks words where they stand (CSS Custom Highlight API), without touching the text; browsers without it show the text alone.

/** Every place of `words` in the text of `elements`, whatever the case of its letters. */
export function mark(elements, words) {
  if (!self.Highlight) return;
  const wanted = words.toLowerCase();
  const ranges = [];
  for (const element of elements) {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (wanted && texts.nextNode()) {
      const text = texts.currentNode.textContent.toLowerCase();
      for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
        const range = new Range();
        range.setStart(texts.currentNode, at);
        range.setEnd(texts.currentNode, at + wanted.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}
