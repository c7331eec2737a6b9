// Small things every part of the page uses.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const byId = (id) => document.getElementById(id);

// Answers the JSON, or throws an Error with the simulator's own sentence.
export async function call(method, path, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail || `The simulator answered ${response.status}.`);
  return answer;
}

let toastTimer = 0;
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.classList.remove("shown"), 4500);
}

// Runs an action of a button: no double clicks, and problems are said.
export async function doing(button, action) {
  if (button.disabled) return;
  button.disabled = true;
  try {
    await action();
  } catch (problem) {
    toast(problem.message);
  } finally {
    button.disabled = false;
  }
}

export const time = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export const rupees = (paise) =>
  "₹" + (paise / 100).toLocaleString("en-IN", { minimumFractionDigits: 2 });

// WhatsApp's *bold*, _italic_, ~strike~, ```mono``` and links, as nodes: text of others never becomes HTML.
const MARKS = { "*": "strong", _: "em", "~": "s" };
const PIECE = /```([^]+?)```|(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])|(^|[\s([{"'“—–-])([*_~])(\S(?:[^\n]*?\S)?)\4(?![\p{L}\p{N}])/gu;

export function formatted(text) {
  const out = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(PIECE)) {
    const [whole, mono, link, before, mark, inner] = match;
    out.append(text.slice(from, match.index));
    if (mono !== undefined) out.append(el("code", { text: mono }));
    else if (link !== undefined)
      out.append(el("a", { href: link, target: "_blank", rel: "noopener", text: link }));
    else out.append(before, el(MARKS[mark], {}, formatted(inner)));
    from = match.index + whole.length;
  }
  out.append(text.slice(from));
  return out;
}
