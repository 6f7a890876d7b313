/* Folders that become courses: what each would be is shown first; once its files have arrived the draft is made, and made
   only once, however often the same folder is chosen. */

import { element } from "./cards.js";
import { summary } from "./sending.js";

const KINDS = {
  video: ["mp4", "mov", "mkv", "webm", "avi", "m4v", "ts", "mpg", "flv", "wmv"],
  audio: ["mp3", "m4a", "aac", "wav", "flac", "ogg", "opus"],
  reading: ["pdf", "epub"],
  gallery: ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "avif"],
};
const NAMES = { video: "视频", audio: "音频", reading: "读本", gallery: "图集" };
const CAPTIONS = ["srt", "vtt", "ass"];
const COVERS = /^(cover|folder|poster|封面)$/i;
const SYSTEM = /(^|\/)(\.|Thumbs\.db$|desktop\.ini$|__MACOSX)/i;
const SOURCE = "folder";
const HAN = "零一二三四五六七八九";

const stem = (name) => name.replace(/\.[^.]*$/, "");
const suffix = (name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase();
const kindOf = (file) => Object.keys(KINDS).find((kind) => KINDS[kind].includes(suffix(file.name)));

/* Names in the order of people: 第2集 before 第10集, and 第二集 before 第十集. */
const collator = new Intl.Collator("zh-Hans-CN", { numeric: true });
const digits = (text) => text.replace(/[零一二三四五六七八九十百]+/g, (word) => value(word) ?? word);
export const compare = (a, b) => collator.compare(digits(a), digits(b));

/* 十二 → 12, 一百零三 → 103; undefined for what is no number below a thousand. */
function value(word) {
  const match = word.match(/^(?:([一二三四五六七八九])百)?零?(?:([一二三四五六七八九])?(十))?([一二三四五六七八九])?$/);
  if (!match) return undefined;
  const [, hundreds, tens, ten, ones] = match;
  const digit = (one) => (one ? HAN.indexOf(one) : 0);
  return digit(hundreds) * 100 + (ten ? (digit(tens) || 1) * 10 : 0) + digit(ones);
}

/**
 * What becomes of the files of folders. `entries`: {file, path}. Answers one plan a first folder:
 * {title, kind, lessons: [{file, title, chapter}], captions: Map of file → caption file, cover, left: [{path, why}]}.
 */
export function planned(entries) {
  const folders = new Map();
  for (const { file, path } of entries) {
    if (SYSTEM.test(path)) continue;
    const [title, ...rest] = path.split("/");
    if (!folders.has(title)) folders.set(title, []);
    folders.get(title).push({ file, path, chapter: rest.slice(0, -1).join(" · ") });
  }
  return [...folders].map(([title, files]) => planOf(title, files));
}

function planOf(title, files) {
  const kinds = files.map(({ file }) => kindOf(file));
  const kind = Object.keys(KINDS).find((one) => kinds.includes(one));
  const isCover = ({ file }) => kind !== "gallery" && kindOf(file) === "gallery" && (COVERS.test(stem(file.name)) || stem(file.name) === title);
  const cover = files.find(isCover);
  const lessons = files.filter((one) => kind && one !== cover && kindOf(one.file) === kind);
  lessons.sort((a, b) => compare(a.chapter, b.chapter) || compare(a.file.name, b.file.name));
  const captions = new Map();
  const left = [];
  for (const one of files) {
    if (one === cover || lessons.includes(one)) continue;
    const film = CAPTIONS.includes(suffix(one.file.name)) &&
      lessons.find(({ file, chapter }) => chapter === one.chapter && stem(file.name) === stem(one.file.name));
    if (film) captions.set(film.file, one.file);
    else left.push({ path: one.path, why: why(one.file, kind) });
  }
  const named = lessons.map(({ file, chapter }) => ({ file, chapter, title: stem(file.name) }));
  return { title, kind, lessons: named, captions, cover: cover?.file, left };
}

function why(file, kind) {
  if (CAPTIONS.includes(suffix(file.name))) return "没有同名的片子，字幕不用";
  if (kindOf(file)) return `不是${NAMES[kind]}，请另建课程`;
  return "不收这种文件";
}

/* The panel: plans that wait for a person, and folders on their way. */
export class Folders {
  constructor(box, uploader) {
    Object.assign(this, { box, uploader, going: [] });
  }

  plan(entries) {
    for (const plan of planned(entries)) this.box.append(this.card(plan));
    this.box.hidden = false;
  }

  card(plan) {
    const card = element("article", "uploader-folder");
    const told = element("p", "uploader-folder__told");
    told.setAttribute("role", "status");
    card.append(element("h3", "", plan.title));
    if (!plan.lessons.length) {
      told.textContent = "这个文件夹里没有可以成为课时的文件。";
      card.append(told);
      return card;
    }
    const parts = [`${NAMES[plan.kind]}课程，${plan.lessons.length} 讲`];
    if (plan.captions.size) parts.push(`字幕 ${plan.captions.size} 份`);
    if (plan.cover) parts.push(`封面 ${plan.cover.name}`);
    card.append(element("p", "", parts.join("；")), this.listOf(plan));
    const go = Object.assign(element("button", "button button-small", "开始上传"), { type: "button" });
    const drop = Object.assign(element("button", "button button-small button-secondary", "不要"), { type: "button" });
    go.onclick = () => {
      go.remove();
      drop.remove();
      this.start(plan, card, told);
    };
    drop.onclick = () => card.remove();
    card.append(told, go, drop);
    return card;
  }

  listOf(plan) {
    const list = element("ol");
    for (const { title, chapter, file } of plan.lessons) {
      list.append(element("li", "", [chapter, title].filter(Boolean).join(" / ") + (plan.captions.has(file) ? "（有字幕）" : "")));
    }
    const all = element("details");
    all.append(element("summary", "", "看看会建成什么样"), list);
    if (plan.left.length) {
      const left = element("ul", "uploader-folder__left");
      left.append(...plan.left.map(({ path, why: reason }) => element("li", "", `${path}：${reason}`)));
      all.append(element("p", "", `不用的 ${plan.left.length} 个：`), left);
    }
    return all;
  }

  /* Its files have rows of their own, folded away; what went wrong with any stands on the card itself. */
  start(plan, card, told) {
    const files = [...plan.lessons.map(({ file }) => file), ...(plan.cover ? [plan.cover] : [])];
    const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    bar.setAttribute("aria-label", plan.title);
    const wrong = element("ul", "uploader-folder__wrong");
    const rows = element("ul", "uploader__list");
    const all = element("details", "uploader-folder__files");
    all.append(element("summary", "", `${files.length} 个文件各传到哪里`), rows);
    told.before(bar);
    card.append(wrong, all);
    const sendings = this.uploader.add(files, rows);
    const folder = { plan, told, bar, wrong, files: new Map(files.map((file, index) => [file, sendings[index]])), made: false };
    this.going.push(folder);
    this.tell(folder);
  }

  /* News of one file. */
  heard(sending) {
    for (const folder of this.going) if ([...folder.files.values()].includes(sending)) this.tell(folder);
  }

  tell(folder) {
    const all = [...folder.files.values()];
    const wrong = all.filter(({ state }) => state === "refused");
    folder.wrong.replaceChildren(...wrong.map(({ file, message }) => element("li", "", message.includes(file.name) ? message : `${file.name}：${message}`)));
    if (folder.made) return;
    const bytes = (share) => all.reduce((sum, one) => sum + share(one) * one.file.size, 0);
    folder.bar.value = bytes((one) => (one.asset ? 1 : one.sent)) / (bytes(() => 1) || 1);
    folder.told.textContent = `${summary(all)}；${Math.floor(100 * folder.bar.value)}%`;
    const without = ({ state, asset, final }) => ["cancelled", "refused"].includes(state) && !asset && (final || state === "cancelled");
    if (all.every((one) => one.asset || without(one))) this.make(folder);
  }

  async make(folder) {
    folder.made = true;
    const { plan, told, files } = folder;
    const uid = (file) => files.get(file)?.asset;
    const lessons = plan.lessons.filter(({ file }) => uid(file)).map(({ file, title, chapter }) => ({ title, chapter, asset: uid(file) }));
    const cover = plan.cover && uid(plan.cover) ? { cover: uid(plan.cover) } : {};
    folder.bar.hidden = true;
    told.textContent = "文件都在了，正在建立课程…";
    try {
      if (!lessons.length) throw new Error("没有一个课时的文件传成，课程没有建立。");
      await this.caption(plan, uid);
      await this.deposit(plan, { lessons, ...cover }, told);
    } catch (error) {
      told.textContent = error.message;
      folder.made = false;
    }
  }

  async caption(plan, uid) {
    for (const [film, file] of plan.captions) {
      if (uid(film)) await this.uploader.api.call("PUT", `/assets/${uid(film)}/captions`, { text: await file.text() });
    }
  }

  /* The draft of a folder. Where there is a course of that name from a folder, a person says whether its lessons go. */
  async deposit(plan, body, told) {
    const api = this.uploader.api;
    const institution = [...this.uploader.rows.keys()].find(({ file }) => file === plan.lessons[0].file)?.institution;
    const named = new URLSearchParams({ external_id: plan.title, limit: 100 });
    const { items } = await api.call("GET", `/deposits?${named}`);
    const there = items.find((one) => one.external_source === SOURCE && (!institution || one.institution === institution));
    const made = (course) => told.replaceChildren(`课程《${course.title}》的草稿有 ${body.lessons.length} 讲。`, linkTo(course));
    if (!there) {
      const whose = { external_id: plan.title, external_source: SOURCE, institution };
      return made(await api.call("POST", "/deposits", { ...whose, title: plan.title, kind: plan.kind, ...body }));
    }
    told.replaceChildren(`以前有一个“${plan.title}”文件夹建过课程（${there.words}），没有改动它。`, linkTo(there));
    if (["published", "in-review"].includes(there.state)) return undefined;
    const replace = Object.assign(element("button", "button button-small button-secondary", `用这 ${body.lessons.length} 讲代替它的课时`), { type: "button" });
    replace.onclick = async () => {
      try {
        made(await api.call("PATCH", `/deposits/${there.id}`, body));
      } catch (error) {
        told.append(" ", error.message);
      }
    };
    return told.append(" ", replace);
  }
}

const linkTo = ({ id }) => Object.assign(element("a", "", "打开草稿"), { href: `/cms/courses/edit/${id}/` });
