// The one place where text becomes markup or a script's address (Trusted Types; config/security.py allows this policy and no
// other). What comes in is of our own making: pages and suggestions of this site, and what media-chrome writes into its
// own shadow trees (build.mjs leads it here).

const policy = globalThis.trustedTypes?.createPolicy("wenlan", { createHTML: (text) => text, createScriptURL: only });

/** `text` for innerHTML and DOMParser. */
export const markup = (text) => policy?.createHTML(text) ?? text;

/** The address of the service worker, the only script that is named by script. */
export const worker = () => policy?.createScriptURL("/sw.js") ?? "/sw.js";

function only(address) {
  if (address !== "/sw.js") throw new TypeError(address);
  return address;
}

/** Puts `html` into `root`. Its styles are added rule by rule: as text they would need 'unsafe-inline'. */
export function fill(root, html) {
  const template = document.createElement("template");
  template.innerHTML = markup(html);
  const styles = [...template.content.querySelectorAll("style")].map((style) => [style, style.textContent]);
  for (const [style] of styles) style.textContent = "";
  root.replaceChildren(template.content);
  for (const [{ sheet }, text] of styles) for (const rule of rules(text)) add(sheet, rule);
}

/** A rule for other browsers is passed over, as in a style sheet that is text. */
function add(sheet, rule) {
  try {
    sheet.insertRule(rule, sheet.cssRules.length);
  } catch (error) {
    if (error.name !== "SyntaxError") throw error;
  }
}

/** `insertAdjacentHTML`. */
export const insert = (element, where, html) => element.insertAdjacentHTML(where, markup(html));

/** The outermost rules of a style sheet, without comments. */
function rules(text) {
  const found = [];
  let rule = "", depth = 0;
  for (const part of text.replace(/\/\*[^]*?\*\//g, "").split(/(?<=[{}])/)) {
    rule += part;
    depth += part.endsWith("{") ? 1 : part.endsWith("}") ? -1 : 0;
    if (depth === 0 && part.endsWith("}")) found.push(rule), (rule = "");
  }
  return found;
}
