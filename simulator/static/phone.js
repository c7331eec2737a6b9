// The phone: three people, their chats, buttons, files.
import { byId, call, doing, el, formatted, time, toast } from "./tools.js";

const COLOURS = ["#7e57c2", "#c2571d", "#2f7bbf", "#2d8a57", "#b0396f", "#5f6f7a"];
const TICKS = { queued: "🕐", received: "✓✓", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!", undelivered: "!" };
const LANGUAGES = { सुनीता: "hi" };
let current = "Asha";
let people = [];
let shown = new Map(); // sid -> {json, node}

const here = (action) => `/control/people/${encodeURIComponent(current)}/${action}`;

export async function refresh() {
  const list = await call("GET", "/control/people");
  people = list.people;
  if (!people.some((person) => person.name === current)) current = people[0].name;
  drawPeople();
  const chat = await call("GET", here("chat"));
  if (chat.person.name !== current) return; // somebody else was chosen meanwhile
  drawChat(chat.messages);
  drawNote(chat.person);
}

function drawPeople() {
  const box = byId("people");
  const wanted = JSON.stringify([current, people.map((person) => [person.name, person.messages])]);
  if (box.dataset.drawn === wanted) return;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  box.dataset.drawn = wanted;
  box.replaceChildren(
    ...people.slice(0, 40).map((person, index) => {
      const face = el("span", { class: "face", "aria-hidden": "true", text: [...person.name][0] });
      face.style.backgroundColor = COLOURS[index % COLOURS.length];
      return el(
        "button",
        { type: "button", class: "person", "data-name": person.name, "aria-pressed": String(person.name === current),
          onclick: () => choose(person.name) },
        face,
        el("span", { text: person.name, lang: LANGUAGES[person.name] }),
      );
    }),
  );
  if (focused) box.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

function choose(name) {
  current = name;
  shown = new Map();
  byId("chat").replaceChildren();
  refresh().catch((problem) => toast(problem.message));
}

function drawNote(person) {
  const facts = [];
  if (person.hidden) facts.push(`${person.name} hides the number; the shop sees ${person.user_id}.`);
  if (!person.joined) facts.push(`${person.name} has not joined the sandbox: send “join practice-words”.`);
  if (person.opted_out) facts.push(`${person.name} has opted out.`);
  byId("phone-note").textContent = facts.join(" ");
}

function drawChat(messages) {
  const chat = byId("chat");
  const atEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
  const before = shown.size;
  const nodes = [];
  let day = "";
  for (const message of messages) {
    const today = new Date(message.at * 1000).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
    if (today !== day) nodes.push(keyed(`day-${today}`, today, () => el("p", { class: "day", text: today })));
    day = today;
    nodes.push(keyed(message.sid, JSON.stringify(message), () => bubble(message)));
  }
  if (!messages.length) {
    nodes.push(keyed("empty", "", () =>
      el("p", { class: "empty", text: "Tap “Send a sample PDF” below, and watch it come out of the printer." })));
  }
  merge(chat, nodes);
  const last = messages[messages.length - 1];
  showTyping(last && last.from === "customer" ? last.sid : "");
  if (atEnd || before === 0) chat.scrollTop = chat.scrollHeight;
}

// The shop "types" while an answer is due; after a while nobody would believe it any more.
let answering = "";
let typingTimer = 0;
function showTyping(sid) {
  if (sid === answering) return;
  answering = sid;
  clearTimeout(typingTimer);
  byId("presence").textContent = sid ? "typing…" : "Business account";
  if (sid) typingTimer = setTimeout(() => { byId("presence").textContent = "Business account"; }, 12000);
}

function keyed(key, json, make) {
  const known = shown.get(key);
  if (known && known.json === json) return known.node;
  const node = make();
  shown.set(key, { json, node });
  return node;
}

function merge(box, nodes) {
  nodes.forEach((node, index) => {
    if (box.children[index] !== node) box.insertBefore(node, box.children[index] || null);
  });
  while (box.children.length > nodes.length) box.lastElementChild.remove();
}

function bubble(message) {
  const mine = message.from === "customer";
  const ticks = mine ? el("span", { class: `ticks ${message.status}`, "aria-hidden": "true", text: TICKS[message.status] || "" }) : null;
  const inner = el("div", { class: `bubble ${mine ? "mine" : "theirs"}` });
  inner.append(el("span", { class: "hidden", text: mine ? "You: " : "Shop: " }));
  message.media.forEach((media) => inner.append(attachment(media)));
  if (message.text) inner.append(el("span", { class: "said", lang: /[\u0900-\u097f]/.test(message.text) ? "hi" : null }, formatted(message.text)));
  inner.append(el("span", { class: "meta" }, time(message.at), ticks));
  const group = el("div", { class: `turn ${mine ? "mine" : "theirs"}` }, inner);
  const list = message.buttons.filter((button) => button.kind === "list");
  for (const button of message.buttons) {
    if (button.kind === "reply") group.append(reply(message, button));
    if (button.kind === "url")
      group.append(el("a", { class: "reply", href: button.url, target: "_blank", rel: "noopener", text: `↗ ${button.title}` }));
  }
  if (list.length)
    group.append(el("button", { type: "button", class: "reply", text: `☰ ${message.list_title}`, onclick: () => openSheet(message, list) }));
  return group;
}

function reply(message, button) {
  const node = el("button", { type: "button", class: "reply", text: button.title });
  node.addEventListener("click", () => doing(node, () => tap(message, button)));
  return node;
}

const tap = (message, button) => call("POST", here("tap"), { id: button.id, sid: message.sid }).then(heard);

function openSheet(message, items) {
  const sheet = byId("sheet");
  const close = () => { sheet.hidden = true; };
  sheet.replaceChildren(
    el("div", { class: "sheet-head" }, el("strong", { text: message.list_title }),
      el("button", { type: "button", class: "chip small", text: "Close", onclick: close })),
    ...items.map((item) => el("button", { type: "button", class: "item", onclick: () => {
      close();
      tap(message, item).catch((problem) => toast(problem.message));
    } }, el("span", { text: item.title }), el("small", { text: item.description || "" }))),
  );
  sheet.hidden = false;
  sheet.querySelector(".item").focus();
}

function attachment(media) {
  const address = `/control/media/${media.sid}`;
  if (media.content_type.startsWith("image/"))
    return el("img", { class: "picture", src: address, alt: media.name, loading: "lazy" });
  const size = media.bytes < 1024 * 100 ? `${Math.ceil(media.bytes / 1024)} KB` : `${(media.bytes / 1048576).toFixed(1)} MB`;
  const kind = (media.name.split(".").pop() || "file").toUpperCase().slice(0, 4);
  return el("a", { class: "document", href: address },
    el("span", { class: "kind", "aria-hidden": "true", text: kind }),
    el("span", {}, el("strong", { text: media.name }), el("small", { text: size })));
}

// The backend's own answer to the webhook, when it is a refusal, is worth a word.
function heard(outcome) {
  if (outcome.state === "kept" || outcome.status === null || outcome.status < 300) {
    if (outcome.state === "gave_up") toast("The shop’s server cannot be reached. Is it running?");
    return;
  }
  toast(`The shop’s server refused the message with ${outcome.status}.`);
}

export function start(facts) {
  byId("shop-name").textContent = facts.shop;
  byId("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    const box = byId("text");
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    call("POST", here("say"), { text }).then(heard).catch((problem) => {
      box.value = text;
      toast(problem.message);
    });
  });
  byId("file").addEventListener("change", (event) => {
    const form = new FormData();
    for (const file of event.target.files) form.append("file", file);
    form.append("caption", byId("text").value.trim());
    byId("text").value = "";
    event.target.value = "";
    call("POST", here("send"), form).then(heard).catch((problem) => toast(problem.message));
  });
  for (const button of document.querySelectorAll(".shortcuts button")) {
    button.addEventListener("click", () => doing(button, async () => {
      const { sample, caption, say } = button.dataset;
      heard(say ? await call("POST", here("say"), { text: say })
                : await call("POST", here("send"), { sample, caption: caption || "" }));
    }));
  }
  byId("newcomer").addEventListener("click", (event) => doing(event.target, () => add({})));
  byId("hidden-one").addEventListener("click", (event) => doing(event.target, () => add({ hidden: true })));
}

const NAMES = ["Meera", "Imran", "Kavya", "Joseph", "Farah", "Arjun", "Lakshmi", "Dev"];
async function add(more) {
  const free = NAMES.find((name) => !people.some((person) => person.name === name));
  const name = free || `Customer ${people.length + 1}`;
  await call("POST", "/control/people", { name, ...more });
  choose(name);
}
