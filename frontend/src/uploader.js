/* The upload panel of the desk: files and folders, each file on its way by lib/sending.js. */

import { element } from "./lib/cards.js";
import { Folders } from "./lib/folders.js";
import { Api, Sending, sleep, summary } from "./lib/sending.js";

const FILES_AT_A_TIME = 2;
const MANY = 5; // rows that are taken in at a glance

/* Follow the work on an asset until it is over. */
async function follow(sending) {
  for (let wait = 1000; sending.state === "processing"; wait = Math.min(wait * 1.3, 5000)) {
    try {
      const asset = await sending.api.call("GET", `/assets/${sending.asset}`);
      sending.progress = asset.progress;
      if (asset.state === "published" && asset.progress >= 1) return sending.tell("ready", "处理完成，可以播放");
      if (["rejected", "failed"].includes(asset.state)) return sending.tell("refused", asset.reason || asset.state_label);
      sending.tell("processing", `${asset.words} ${Math.round(asset.progress * 100)}%`);
    } catch (error) {
      if (error.lasting) return sending.tell("refused", error.message);
    }
    await sleep(wait);
  }
}

function sizeOf(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(3, Math.floor(Math.log(bytes || 1) / Math.log(1024)));
  return `${(bytes / 1024 ** step).toFixed(step > 1 ? 1 : 0)} ${units[step]}`;
}

/* The row of one file. */
class Row {
  constructor(sending, actions, after) {
    this.after = after;
    this.item = element("li", "uploader-item");
    const title = element("div", "uploader-item__title");
    title.append(element("span", "uploader-item__name", sending.file.name));
    title.append(element("span", "uploader-item__size", sizeOf(sending.file.size)));
    this.bar = document.createElement("progress");
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", sending.file.name);
    this.message = element("p", "uploader-item__message");
    this.message.setAttribute("role", "status");
    this.buttons = element("div", "uploader-item__buttons");
    this.toggle = element("button", "button button-small button-secondary");
    this.toggle.type = "button";
    this.toggle.onclick = () => actions.toggle(sending);
    this.cancel = element("button", "button button-small no", "取消");
    this.cancel.type = "button";
    this.cancel.onclick = () => actions.cancel(sending);
    this.course = element("a", "button button-small", "建立课程");
    this.buttons.append(this.toggle, this.cancel, this.course);
    this.item.append(title, this.bar, this.message, this.buttons);
  }

  show(sending) {
    const { state, message } = sending;
    this.item.dataset.state = state;
    const percent = state === "sending" && sending.sent > 0 ? ` ${Math.floor(sending.sent * 100)}%` : "";
    this.message.textContent = message + percent;
    this.bar.value = { processing: sending.progress || 0, ready: 1 }[state] ?? sending.sent;
    this.toggle.textContent = state === "paused" ? "继续" : state === "refused" ? "重试" : "暂停";
    this.toggle.hidden = ["processing", "ready", "cancelled"].includes(state) || (state === "refused" && Boolean(sending.asset || sending.final));
    this.bar.hidden = state === "cancelled" || (["waiting", "refused"].includes(state) && !sending.sent);
    this.cancel.hidden = ["processing", "ready", "cancelled", "refused"].includes(state);
    this.course.hidden = !this.after || !["processing", "ready"].includes(state);
    if (sending.asset) this.course.href = this.after + sending.asset;
  }
}

/* The whole of an element with `data-uploader`. */
export class Uploader {
  constructor(root) {
    this.root = root;
    this.api = new Api(root.dataset.api, root.querySelector("[name=csrfmiddlewaretoken]").value);
    this.list = root.querySelector("[data-list]");
    this.total = root.querySelector("[data-total]");
    this.rows = new Map();
    const box = root.querySelector("[data-folders]");
    this.folders = box && new Folders(box, this);
    this.listen();
    this.ask();
  }

  get institution() {
    return this.root.querySelector("[name=institution]")?.value || this.root.dataset.institution || "";
  }

  listen() {
    const zone = this.root.querySelector("[data-zone]");
    for (const input of this.root.querySelectorAll("input[type=file]")) {
      input.onchange = () => {
        this.take([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
        input.value = "";
      };
    }
    for (const type of ["dragenter", "dragover"]) {
      zone.addEventListener(type, (event) => {
        event.preventDefault();
        zone.classList.add("is-over");
      });
    }
    for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("is-over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      this.dropped(event.dataTransfer);
    });
    addEventListener("beforeunload", (event) => {
      if ([...this.rows.keys()].some((sending) => ["sending", "waiting"].includes(sending.state))) event.preventDefault();
    });
  }

  /* A browser forgets what was dropped as soon as this function waits, so all entries are taken first. */
  async dropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = [...transfer.files];
    if (this.folders && entries.some((entry) => entry.isDirectory)) this.take(await everythingIn(entries));
    else this.take(files.map((file) => ({ file, path: file.name })));
  }

  /* Folders are looked at before anything is sent; single files go at once. */
  take(entries) {
    const within = this.folders ? entries.filter(({ path }) => path.includes("/")) : [];
    const single = entries.filter((entry) => !within.includes(entry)).map(({ file }) => file);
    if (within.length) this.folders.plan(within);
    if (single.length) this.add(single);
  }

  /* Puts files on a list, and answers what is on its way for each. */
  add(files, list = this.list) {
    const added = [];
    for (const file of files) {
      const changed = (one) => {
        const row = this.rows.get(one);
        if (one.state === "refused" && row.item.dataset.state !== "refused") list.prepend(row.item); // not below many others
        row.show(one);
        this.folders?.heard(one);
        this.sum();
      };
      const sending = new Sending(file, this.api, this.institution, changed, this.root.dataset.replaces);
      const row = new Row(sending, { toggle: (one) => this.toggle(one), cancel: (one) => one.cancel() }, this.root.dataset.after);
      this.rows.set(sending, row);
      list.append(row.item);
      row.show(sending);
      added.push(sending);
    }
    this.sum();
    this.next();
    this.lookAhead();
    return added;
  }

  /* Of many files outside folders, how far they are together; a folder tells of its own. */
  sum() {
    const here = [...this.rows].filter(([, row]) => row.item.parentElement === this.list).map(([sending]) => sending);
    this.total.hidden = here.length <= MANY;
    if (!this.total.hidden) this.total.textContent = `共 ${here.length} 个文件：${summary(here)}`;
  }

  async lookAhead() {
    for (const sending of this.rows.keys()) {
      if (sending.state !== "waiting") continue;
      await (sending.looking ||= sending.look());
      this.remind();
    }
  }

  next() {
    const all = [...this.rows.keys()];
    const free = FILES_AT_A_TIME - all.filter((sending) => sending.state === "sending").length;
    for (const sending of all.filter((one) => one.state === "waiting").slice(0, Math.max(0, free))) this.start(sending);
  }

  async start(sending) {
    await sending.run();
    this.next();
    this.remind();
    if (sending.state === "processing") await follow(sending);
  }

  toggle(sending) {
    if (["sending", "waiting"].includes(sending.state)) {
      sending.pause();
    } else {
      sending.tell("waiting", "等待上传");
    }
    this.next();
  }

  /* Uploads of an earlier visit: the browser may not open their files by itself, so say which to choose again. What this
     visit began is none of them. */
  async ask() {
    this.left = await this.api.call("GET", "/uploads").catch(() => []);
    this.remind();
  }

  remind() {
    const box = this.root.querySelector("[data-waiting]");
    const here = new Set([...this.rows.keys()].map((sending) => sending.uid));
    this.left = (this.left || []).filter((upload) => !here.has(upload.uid));
    box.hidden = !this.left.length;
    const few = this.left.slice(0, MANY).map((upload) => this.reminder(upload));
    const more = this.left.length - few.length;
    if (more) few.push(element("li", "uploader-waiting__item", `还有 ${more} 个。`));
    box.querySelector("ul").replaceChildren(...few);
  }

  reminder(upload) {
    const have = upload.parts.reduce((sum, part) => sum + part.bytes, 0);
    const item = element("li", "uploader-waiting__item", `${upload.filename}（${sizeOf(upload.bytes)}）`);
    item.append(element("span", "uploader-waiting__share", `已传 ${Math.floor((have / upload.bytes) * 100)}%`));
    const drop = element("button", "button button-small button-secondary", "放弃");
    drop.type = "button";
    drop.onclick = async () => {
      await this.api.call("DELETE", `/uploads/${upload.uid}`).catch(() => {});
      this.ask();
    };
    item.append(drop);
    return item;
  }
}

/* The files of dropped folders, with the way to each. */
async function everythingIn(entries, before = "") {
  const found = [];
  for (const entry of entries) {
    const path = before + entry.name;
    if (entry.isFile) found.push({ file: await new Promise((done, fail) => entry.file(done, fail)), path });
    else found.push(...(await everythingIn(await listing(entry.createReader()), `${path}/`)));
  }
  return found;
}

/* A reader gives a hundred at a time, and nothing at the end. */
async function listing(reader) {
  const found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return found;
    found.push(...some);
  }
}

for (const root of document.querySelectorAll("[data-uploader]")) new Uploader(root);
