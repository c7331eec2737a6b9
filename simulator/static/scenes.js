// Behind the scenes: the wire log, and the tools that make things go wrong.
import { byId, call, doing, el, toast } from "./tools.js";

const KEPT = 600;
const PRESETS = [
  ["Messages API is down (5 calls)", { operation: "twilio.messages.create", kind: "error", times: 5 }],
  ["The answer to a message is lost", { operation: "twilio.messages.create", kind: "answer_lost" }],
  ["Too many messages (429, 3 calls)", { operation: "twilio.messages.create", kind: "rate_limit", times: 3 }],
  ["The file is not there yet (2 tries)", { operation: "twilio.media.fetch", kind: "media_404", times: 2 }],
  ["Next message arrives twice", { operation: "twilio.webhook.inbound", kind: "duplicate" }],
  ["Payment links are down (3 calls)", { operation: "razorpay.links.create", kind: "error", times: 3 }],
  ["The answer with the link is lost", { operation: "razorpay.links.create", kind: "answer_lost" }],
  ["Refunds are slow (5 s)", { operation: "razorpay.refunds.create", kind: "slow", seconds: 5 }],
  ["Payment webhooks come twice", { operation: "razorpay.webhook.*", kind: "duplicate", times: 3 }],
  ["Payment webhooks never come", { operation: "razorpay.webhook.*", kind: "drop", times: 3 }],
];
let last = 0;
let filter = "";
let backend = "";
const receipts = new Map(); // message sid -> row that collects its ticks

export async function refresh() {
  const log = await call("GET", `/control/log?after=${last}`);
  for (const row of log.rows) add(row);
  const [clock, faults] = await Promise.all([call("GET", "/control/clock"), call("GET", "/control/faults")]);
  drawClock(clock);
  drawFaults(faults.faults);
}

function add(row) {
  last = Math.max(last, row.id);
  const tick = row.operation.startsWith("twilio.webhook.status.");
  const known = tick ? receipts.get(row.about) : null;
  if (known && known.isConnected) {
    collect(known, row);
    return;
  }
  const node = draw(row, tick);
  if (tick) receipts.set(row.about, node);
  const box = byId("rows");
  box.prepend(node);
  apply(node);
  while (box.children.length > KEPT) box.lastElementChild.remove();
}

const good = (status) => status !== null && status < 300;
const word = (row) => row.operation.split(".").pop();

function collect(node, row) {
  const line = node.querySelector(".line");
  line.textContent += good(row.status) ? ` · ${word(row)}` : ` · ${word(row)} (${row.status ?? "no answer"})`;
  if (!good(row.status)) node.classList.add("bad");
  const state = node.querySelector(".status");
  state.textContent = row.status ?? "—";
  node.querySelector(".inside").append(inside(row));
}

function draw(row, tick) {
  const out = row.direction === "out";
  const problem = row.status === null || (row.status >= 400 && row.status !== 404);
  const line = tick ? `Receipts: ${word(row)}` : row.line;
  return el("details", { class: `row ${row.provider} ${problem ? "bad" : ""}`, "data-provider": row.provider },
    el("summary", {},
      el("span", { class: "arrow", "aria-label": out ? "to the shop" : "from the shop", text: out ? "→" : "←" }),
      el("span", { class: "line", text: line }),
      el("code", { class: "path", text: `${row.method} ${short(row.path)}` }),
      el("span", { class: `status s${row.status === null ? 0 : Math.floor(row.status / 100)}`, text: row.status ?? "—" })),
    el("div", { class: "inside" }, inside(row)));
}

const short = (path) => path.replace(/\/2010-04-01\/Accounts\/[^/]+/, "").replace(/\?.*/, "?…").replace(/(_[A-Za-z0-9]{5})[A-Za-z0-9]{9}/, "$1…")
  .replace(/([A-Z]{2}[0-9a-f]{4})[0-9a-f]{28}/g, "$1…");

function inside(row) {
  const box = el("div", { class: "exchange" });
  if (row.event) box.append(actions(row));
  const headers = Object.entries(row.headers).map(([name, value]) => `${name}: ${value}`).join("\n");
  box.append(el("p", { class: "note", text: `${new Date(row.at * 1000).toLocaleTimeString()}, ${row.milliseconds} ms` }));
  box.append(el("pre", { tabindex: "0", text: `${row.method} ${row.path}\n${headers}\n\n${readable(row.body)}` }));
  if (row.answer) box.append(el("pre", { class: "answer", tabindex: "0", text: `${row.status ?? "no answer"}\n\n${readable(row.answer)}` }));
  return box;
}

function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 1);
  } catch {
    if (/^[\w.%]+=/.test(body)) {
      return [...new URLSearchParams(body)].map(([name, value]) => `${name} = ${value}`).join("\n");
    }
    return body;
  }
}

function actions(row) {
  const again = (label, body) => {
    const button = el("button", { type: "button", class: "chip small", text: label });
    button.addEventListener("click", () => doing(button, async () => {
      const told = await call("POST", `/control/events/${row.event}/deliver`, body);
      toast(body.delay_seconds ? "It leaves in 10 seconds." : `The shop answered ${told.answers.join(", ")}.`);
    }));
    return button;
  };
  const copy = el("button", { type: "button", class: "chip small", text: "Copy as curl" });
  copy.addEventListener("click", () => doing(copy, async () => {
    await navigator.clipboard.writeText(curl(row));
    toast("Copied.");
  }));
  return el("div", { class: "actions", role: "group", "aria-label": "Deliver again" },
    again("Send again", {}), again("Send twice", { copies: 2 }), again("Wrong signature", { mutate_signature: true }),
    again("In 10 s", { delay_seconds: 10 }), copy);
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const curl = (row) => [
  `curl -X POST ${quoted(row.path.startsWith("/") ? backend + row.path : row.path)}`,
  ...Object.entries(row.headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
  `--data-raw ${quoted(row.body)}`,
].join(" \\\n  ");

function apply(node) {
  node.hidden = filter === "bad" ? !node.classList.contains("bad") : Boolean(filter) && node.dataset.provider !== filter;
}

function drawClock(clock) {
  const ahead = clock.ahead_seconds;
  const hours = Math.floor(ahead / 3600), minutes = Math.round((ahead % 3600) / 60);
  byId("clock").textContent = ahead > 30 ? `+${hours ? `${hours} h ` : ""}${minutes} min` : "";
}

function drawFaults(faults) {
  const active = faults.filter((fault) => fault.times === null || fault.hits < fault.times);
  byId("fault-count").textContent = active.length ? String(active.length) : "";
  byId("faults").replaceChildren(...active.map((fault) => {
    const off = el("button", { type: "button", class: "chip small", text: "Off" });
    off.addEventListener("click", () => doing(off, async () =>
      drawFaults((await call("DELETE", `/control/faults/${fault.id}`)).faults)));
    const left = fault.times === null ? "until switched off" : `${fault.times - fault.hits} to go`;
    return el("li", {}, el("span", { text: `${fault.operation}: ${fault.kind}, ${left}` }), off);
  }));
}

function untilMorning() {
  const next = new Date();
  next.setDate(next.getDate() + 1);
  next.setHours(9, 0, 0, 0);
  return Math.round((next - Date.now()) / 1000);
}

async function crowd() {
  const base = Math.floor(Date.now() / 1000) % 100000;
  const names = Array.from({ length: 30 }, (_, index) => `Customer ${base}-${index + 1}`);
  await Promise.all(names.map((name) => call("POST", "/control/people", { name })));
  await Promise.all(names.map((name) =>
    call("POST", `/control/people/${encodeURIComponent(name)}/send`, { sample: "pdf", caption: "1 copy bw" })));
  toast("Thirty customers have sent a file with “1 copy bw”.");
}

export function start(facts) {
  backend = facts.backend;
  for (const button of document.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () => doing(button, async () => {
      const advance = button.dataset.advance === "morning" ? untilMorning() : Number(button.dataset.advance);
      const moved = await call("POST", "/control/clock", { advance_seconds: advance });
      toast(moved.expired_links ? `${moved.expired_links} payment link(s) expired.` : "Time has moved on.");
      await refresh();
    }));
  }
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => {
      filter = button.dataset.filter;
      for (const other of document.querySelectorAll("[data-filter]"))
        other.setAttribute("aria-pressed", String(other === button));
      for (const node of byId("rows").children) apply(node);
    });
  }
  byId("fault-presets").append(...PRESETS.map(([label, fault]) => {
    const button = el("button", { type: "button", class: "chip small", text: label });
    button.addEventListener("click", () => doing(button, async () => {
      await call("POST", "/control/faults", fault);
      await refresh();
    }));
    return button;
  }));
  byId("crowd").addEventListener("click", (event) => doing(event.target, crowd));
  byId("reset").addEventListener("click", (event) => doing(event.target, async () => {
    await call("POST", "/control/reset");
    receipts.clear();
    byId("rows").replaceChildren();
    toast("The outside world starts over. The shop’s own orders stay where they are.");
  }));
}
