// Whether pages are valid HTML: `node validate.mjs FOLDER` prints a line for each fault of each *.html in it (tests/site/test_valid.py).
import { FileSystemConfigLoader, HtmlValidate } from "html-validate";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const loader = new FileSystemConfigLoader({
  root: true,
  extends: ["html-validate:standard", "html-validate:a11y"],
  elements: ["html5"],
  rules: {
    "no-inline-style": "off", // lengths that are data: how far a film was watched, how much of a rating
    "no-trailing-whitespace": "off",
    "long-title": "off", // titles are written by partners
    "no-implicit-button-type": "off",
    "no-autoplay": "off", // on television, where a film was chosen by a key
    "aria-label-misuse": ["error", { allowAnyNamable: true }],
    "void-style": "off",
    "attribute-boolean-style": "off",
    "attribute-empty-style": "off",
    "doctype-style": "off",
    "no-raw-characters": "off",
    "prefer-native-element": "off",
    "require-sri": "off",
    "tel-non-breaking": "off",
  },
});
const validator = new HtmlValidate(loader);
const folder = process.argv[2];
for (const name of readdirSync(folder).filter((one) => one.endsWith(".html"))) {
  const report = await validator.validateFile(join(folder, name));
  for (const { messages } of report.results) {
    for (const { line, column, ruleId, message } of messages) console.log(`${name}:${line}:${column} ${ruleId}: ${message}`);
  }
}
