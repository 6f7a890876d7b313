/* The form of an import: an archive is sent as soon as it is chosen, and the form waits for it. */

import { element } from "./lib/cards.js";
import { Row } from "./lib/rows.js";
import { Api, Sending } from "./lib/sending.js";

class Importer {
  constructor(form) {
    this.form = form;
    this.api = new Api(form.dataset.api, form.elements.csrfmiddlewaretoken.value);
    this.input = form.querySelector("[data-archive]");
    this.list = form.querySelector("[data-list]");
    this.input.onchange = () => this.take();
    form.elements.institution.addEventListener("change", () => this.take());
    form.addEventListener("submit", (event) => this.submit(event));
    addEventListener("beforeunload", (event) => this.moving && event.preventDefault());
    this.remind();
  }

  get chosen() {
    return this.form.elements.source.value === "archive";
  }

  get moving() {
    return ["waiting", "sending"].includes(this.sending?.state);
  }

  /* The file that is chosen, for the institution that is chosen; what was on its way before is given up. */
  take() {
    if (this.moving) this.sending.cancel();
    const [file] = this.input.files;
    this.form.elements.archive.value = "";
    this.sending = null;
    this.list.replaceChildren();
    if (!file) return;
    this.sending = new Sending(file, this.api, this.form.elements.institution.value, (one) => this.show(one), { archive: true });
    this.row = new Row(this.sending, { toggle: () => this.toggle(), cancel: () => this.drop() });
    this.list.append(this.row.item);
    this.sending.run();
  }

  show(sending) {
    if (sending !== this.sending) return;
    this.row.show(sending);
    if (sending.state === "refused") this.waits = false;
    if (sending.state !== "ready") return;
    this.form.elements.archive.value = sending.asset;
    if (this.waits) this.form.requestSubmit();
  }

  toggle() {
    if (this.moving) this.sending.pause();
    else this.sending.run();
  }

  drop() {
    this.waits = false;
    this.sending.cancel();
    this.input.value = "";
    this.take();
  }

  submit(event) {
    if (!this.chosen || !this.moving) return;
    event.preventDefault();
    if (this.waits) return;
    this.waits = true;
    this.list.append(element("li", "wl-empty", "压缩包传完后自动开始检查。"));
  }

  /* A browser may not open a file of an earlier visit by itself, so say which to choose again. */
  async remind() {
    const open = (await this.api.call("GET", "/uploads").catch(() => [])).filter((upload) => upload.archive);
    const box = this.form.querySelector("[data-waiting]");
    box.hidden = !open.length;
    box.textContent = `上次没有传完：${open.map((upload) => upload.filename).join("、")}。再选同一个文件，就接着传。`;
  }
}

for (const form of document.querySelectorAll("[data-importer]")) new Importer(form);
