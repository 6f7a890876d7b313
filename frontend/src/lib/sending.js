/* One file on its way to the site, in parts: pause, resume after closing the browser, nothing sent twice. The protocol is
   described in docs/uploads.md. */

const PARTS_AT_A_TIME = 2;
const HEAD_BYTES = 4096;
const SAMPLE_BYTES = 1024 * 1024;
const LONGEST_WAIT = 30_000;
const MEMORY = "wenlan.uploads";

/* CRC32 (the one of zip and S3): a table of 256, one step a byte. */
const TABLE = new Uint32Array(256).map((_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

/* As S3 writes it: four bytes, big-endian, base64. */
export function crc32Base64(bytes) {
  const crc = crc32(bytes);
  return btoa(String.fromCharCode(crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255));
}

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

/* Names a file so that the server finds its upload again: size, time, name and the two ends of its content. */
export async function fingerprint(file) {
  const ends = [file.slice(0, SAMPLE_BYTES), file.slice(Math.max(0, file.size - SAMPLE_BYTES))];
  const [head, tail] = await Promise.all(ends.map(async (end) => crc32(await bytesOf(end)).toString(16)));
  const name = crc32(new TextEncoder().encode(file.name)).toString(16);
  return [file.size, file.lastModified, head, tail, name].join("-");
}

async function headOf(file) {
  return btoa(String.fromCharCode(...(await bytesOf(file.slice(0, HEAD_BYTES)))));
}

/* Something the server said. `lasting` means: trying again will not help. */
class Told extends Error {
  constructor(status, body) {
    super(body.message || `服务器返回了错误（${status}）。`);
    this.status = status;
    this.code = body.code || "";
    this.lasting = status >= 400 && status < 500 && ![408, 425, 429].includes(status) && !MENDABLE.has(this.code);
  }
}
const MENDABLE = new Set(["link-expired", "part-cut", "part-corrupt", "incomplete"]);

class Paused extends Error {}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function online() {
  return navigator.onLine ? Promise.resolve() : new Promise((done) => addEventListener("online", done, { once: true }));
}

function memory(change) {
  try {
    const known = JSON.parse(localStorage.getItem(MEMORY) || "{}");
    if (change) localStorage.setItem(MEMORY, JSON.stringify(change(known) || known));
    return known;
  } catch {
    return {}; // a browser that keeps nothing: the server still finds the upload by its fingerprint
  }
}

export class Api {
  constructor(root, token) {
    this.root = root;
    this.token = token;
  }

  async call(method, path, body) {
    const answer = await fetch(this.root + path, {
      method,
      credentials: "same-origin",
      headers: { "X-CSRFToken": this.token, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    if (answer.status === 204) return null;
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Told(answer.status, said);
    return said;
  }
}

/* One PUT with progress, which fetch cannot tell. Rejects with Told, Paused or a plain Error for a lost line. */
function put(signed, blob, onProgress, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return void reject(new Paused());
    const request = new XMLHttpRequest();
    request.open(signed.method, signed.url);
    for (const [name, value] of Object.entries(signed.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(new Told(request.status, parsed(request))));
    request.onerror = () => reject(new Error("网络中断"));
    request.onabort = () => reject(new Paused());
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(blob);
  });
}

function parsed(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    // a bucket answers in XML, and 403 there means that the address is too old
    return request.status === 403 ? { code: "link-expired" } : {};
  }
}

/* One file on its way. Tells `changed` whatever happens to it. `replaces` is the asset whose original it becomes; an
   `archive` becomes none. */
export class Sending {
  constructor(file, api, institution, changed, { replaces, archive = false } = {}) {
    Object.assign(this, { file, api, institution, changed, replaces, archive });
    this.state = "waiting";
    this.message = "等待上传";
    this.arrived = new Map(); // part number → bytes
    this.moving = new Map();
    this.abort = new AbortController();
  }

  get sent() {
    const sum = (map) => [...map.values()].reduce((a, b) => a + b, 0);
    return Math.min(1, (sum(this.arrived) + sum(this.moving)) / (this.file.size || 1));
  }

  tell(state, message) {
    this.state = state;
    this.message = message;
    this.changed(this);
  }

  pause() {
    this.tell("paused", "已暂停");
    this.abort.abort();
  }

  async cancel() {
    this.pause();
    this.tell("cancelled", "已取消");
    if (this.uid) await this.api.call("DELETE", `/uploads/${this.uid}`).catch(() => {});
    this.forget();
  }

  forget() {
    memory((known) => void delete known[this.print]);
  }

  /* Only one run at a time, even when somebody pauses and continues in one breath. */
  async run() {
    await this.running;
    this.running = this.go();
    return this.running;
  }

  /* Ask the server before its turn: a wrong file is refused at once, however many wait before it. */
  async look() {
    try {
      await this.ask();
    } catch (error) {
      if (!error.lasting || this.state !== "waiting") return; // its turn will tell
      this.final = true;
      this.tell("refused", error.message);
    }
  }

  async go() {
    this.abort = new AbortController();
    try {
      this.tell("sending", "正在检查文件");
      await this.looking;
      await this.open();
      if (!this.asset) await this.send();
      this.forget();
      if (this.replaces) this.tell("ready", "新的原文件已收到，做好以后自动换上");
      else if (this.archive) this.tell("ready", "压缩包已收到");
      else this.tell("processing", "上传完成，等待处理");
    } catch (error) {
      if (error instanceof Paused) return;
      this.final = Boolean(error.lasting); // the same file again would be refused again
      this.tell("refused", error.message);
    }
  }

  async ask() {
    this.print ||= await fingerprint(this.file);
    if (!this.archive) this.institution = memory()[this.print]?.institution || this.institution;
    const head = await headOf(this.file);
    const asked = { institution: this.institution, filename: this.file.name, bytes: this.file.size, head };
    const whose = { fingerprint: this.print, archive: this.archive, ...(this.replaces && { replaces: this.replaces }) };
    const upload = await this.api.call("POST", "/uploads", { ...asked, ...whose });
    this.uid = upload.uid; // it is there from now on, however long it waits for its turn, and goes when it is cancelled
    return upload;
  }

  async open() {
    const upload = await this.patiently(() => this.ask());
    this.asset = upload.asset;
    this.partBytes = upload.part_bytes;
    this.arrived = new Map(upload.parts.map((part) => [part.number, part.bytes]));
    memory((known) => void (known[this.print] = { uid: this.uid, institution: upload.institution, name: this.file.name }));
    if (this.asset) this.tell("sending", "这个文件以前上传过，不必再传");
    else this.tell("sending", this.arrived.size ? "接着上次继续" : "正在上传");
  }

  async send() {
    for (;;) {
      const count = Math.ceil(this.file.size / this.partBytes);
      const todo = Array.from({ length: count }, (_, i) => i + 1).filter((n) => !this.arrived.has(n));
      const next = () => todo.shift();
      const lanes = Array.from({ length: PARTS_AT_A_TIME }, async () => {
        for (let number = next(); number; number = next()) await this.sendPart(number);
      });
      try {
        await Promise.all(lanes);
      } catch (error) {
        this.abort.abort(); // one lane ended for good: so does the other
        throw error;
      }
      try {
        const asset = await this.patiently(() => this.api.call("POST", `/uploads/${this.uid}/complete`));
        this.asset = asset.uid;
        return;
      } catch (error) {
        if (error.code !== "incomplete") throw error;
        const upload = await this.patiently(() => this.api.call("GET", `/uploads/${this.uid}`));
        this.arrived = new Map(upload.parts.map((part) => [part.number, part.bytes]));
      }
    }
  }

  async sendPart(number) {
    const blob = this.file.slice((number - 1) * this.partBytes, number * this.partBytes);
    await this.patiently(async () => {
      const crc = crc32Base64(await bytesOf(blob));
      const signed = await this.api.call("POST", `/uploads/${this.uid}/parts`, { number, crc32: crc });
      const moved = (bytes) => {
        this.moving.set(number, bytes);
        this.tell("sending", "正在上传");
      };
      try {
        await put(signed, blob, moved, this.abort.signal);
      } finally {
        this.moving.delete(number);
      }
    });
    this.arrived.set(number, blob.size);
    this.tell("sending", "正在上传");
  }

  /* Try again, waiting longer each time, until it works, somebody pauses, or the server says that it never will. */
  async patiently(work) {
    for (let wait = 1000; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      if (this.abort.signal.aborted) throw new Paused();
      try {
        return await work();
      } catch (error) {
        if (error instanceof Paused || error.lasting || error.code === "incomplete") throw error;
        if (error.name === "NotReadableError") throw new Error("读不到这个文件了：它可能被移动或修改过，请重新选择。");
        this.tell("sending", navigator.onLine ? "连接不稳，稍后自动继续" : "网络已断开，恢复后自动继续");
        await online();
        await sleep(wait * (0.75 + Math.random() / 2));
      }
    }
  }
}

/* How far several are, in words; states that none is in are left out. */
export function summary(sendings) {
  const count = (...states) => sendings.filter(({ state }) => states.includes(state)).length;
  const numbers = [
    ["已传完", count("processing", "ready")],
    ["正在上传", count("sending")],
    ["等待", count("waiting")],
    ["已暂停", count("paused")],
    ["没有传成", count("refused")],
    ["已取消", count("cancelled")],
  ];
  return numbers.filter(([, number]) => number).map(([word, number]) => `${number} 个${word}`).join("，");
}
