// Comments on the fields of a course: each beside its field; said and resolved without leaving the form.

function place(list) {
  for (const old of document.querySelectorAll("[data-comment-beside]")) old.remove();
  for (const comment of list.children) {
    const name = comment.dataset.fieldName;
    const field =
      document.querySelector(`[data-field][data-contentpath="${name}"]`) ??
      document.querySelector(`#panel-child-${name}-section, [name="${name}"]`)?.closest("section, [data-field]");
    if (!field) continue;
    const copy = comment.cloneNode(true);
    const beside = document.createElement("ul");
    beside.className = "wl-comments";
    beside.dataset.commentBeside = name;
    beside.append(copy);
    field.append(beside);
  }
}

async function send(url, values) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": token },
    body: new URLSearchParams(values),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(answer.status === 422 ? text : "没有保存：请刷新页面后再试。");
  const made = document.createElement("template");
  made.innerHTML = text;
  const fresh = made.content.querySelector("[data-comments]");
  if (!fresh) throw new Error("登录已过期：请在另一个窗口登录后再试。");
  document.querySelector("[data-comments]").replaceWith(fresh);
  place(fresh);
}

function start(list) {
  place(list);
  const box = document.querySelector("[data-say]");
  if (!box) return;
  const wrong = box.querySelector("[data-say-wrong]");
  const say = (error) => {
    wrong.textContent = error instanceof TypeError ? "网络不通：请稍后再试。" : error.message;
    wrong.hidden = false;
  };
  box.querySelector("[data-say-it]").addEventListener("click", () => {
    const text = box.querySelector("[data-say-text]");
    wrong.hidden = true;
    send(box.dataset.say, { field: box.querySelector("[data-say-field]").value, text: text.value })
      .then(() => (text.value = ""))
      .catch(say);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-post]");
    if (button) send(button.dataset.post, {}).catch(say);
  });
}

const list = document.querySelector("[data-comments]");
if (list) start(list);
