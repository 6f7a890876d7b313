/* Files on their way, as people see them. */

import { element } from "./cards.js";

export function sizeOf(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(3, Math.floor(Math.log(bytes || 1) / Math.log(1024)));
  return `${(bytes / 1024 ** step).toFixed(step > 1 ? 1 : 0)} ${units[step]}`;
}

/* The row of one file; `after` begins the address where it becomes a course. */
export class Row {
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
