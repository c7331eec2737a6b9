// The printer: what the real worker put out, and the buttons that break it.
import { byId, call, doing, el } from "./tools.js";

const QUIRKS = [
  ["paper_out", "Paper out"], ["jam", "Jam"], ["offline", "Offline"], ["slow", "Slow"], ["", "All fine"],
  ["dies_after:2", "Power cut after 2 pages"], ["accepts_then_silent", "Accepts, then falls silent"], ["hangs", "Hangs"],
  ["exit1_with_paper", "Prints, then says it failed"], ["exit0_without_paper", "Says it printed, no paper"],
  ["repeats_after_restart", "Repeats after a restart"], ["loses_after_restart", "Forgets after a restart"],
];
const ALWAYS_SHOWN = 5;
let sides = -1;
let busyUntil = 0;
let idleTimer = 0;

export async function refresh() {
  draw(await call("GET", "/control/paper"));
}

function draw(paper) {
  const total = paper.jobs.reduce((sum, job) => sum + job.sides.length, 0);
  const newest = paper.jobs[0];
  if (sides >= 0 && total > sides && newest) emerge(newest);
  sides = total;
  drawState(paper, newest);
  for (const button of byId("quirks").querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button.dataset.quirk === paper.quirk));
  byId("tray-count").textContent = total ? `${total} ${total === 1 ? "side" : "sides"}` : "";
  const tray = byId("tray");
  if (!paper.jobs.length) {
    const why = paper.configured
      ? "Still empty. Paid orders come out here, printed by the real print worker."
      : "Start the simulator with --paper and the print worker’s folder to see the sheets.";
    tray.replaceChildren(el("p", { class: "empty-tray", text: why }));
    return;
  }
  tray.querySelector(".empty-tray")?.remove();
  paper.jobs.slice(0, 12).forEach((job, index) => {
    const known = tray.querySelector(`[data-attempt="${CSS.escape(job.attempt_id)}"]`);
    const mark = JSON.stringify(job);
    if (known && known.dataset.mark === mark) {
      if (tray.children[index] !== known) tray.insertBefore(known, tray.children[index]);
      return;
    }
    const fresh = pile(job);
    fresh.dataset.mark = mark;
    if (known) known.replaceWith(fresh);
    else tray.insertBefore(fresh, tray.children[index] || null);
  });
  while (tray.children.length > Math.min(paper.jobs.length, 12)) tray.lastElementChild.remove();
}

function drawState(paper, newest) {
  const led = byId("led");
  const label = QUIRKS.find(([name]) => name === paper.quirk)?.[1] || paper.quirk;
  const printing = Date.now() < busyUntil;
  led.className = `led ${paper.quirk ? "bad" : printing ? "busy" : "ok"}`;
  const idle = paper.configured ? "Ready" : "Not connected";
  byId("printer-state").textContent = paper.quirk ? label : printing && newest ? `Printing token ${newest.token}` : idle;
  clearTimeout(idleTimer);
  if (printing) idleTimer = setTimeout(() => drawState(paper, newest), busyUntil - Date.now() + 50);
}

function emerge(job) {
  busyUntil = Date.now() + 1500;
  const side = job.sides[job.sides.length - 1];
  const sheet = el("img", { class: "coming", src: side.image, alt: "" });
  byId("emerging").replaceChildren(sheet);
}

function pile(job) {
  const sheets = new Map();
  for (const side of job.sides) {
    const key = `${side.copy}/${side.sheet}`;
    if (!sheets.has(key)) sheets.set(key, []);
    sheets.get(key).push(side);
  }
  const colour = job.sides.filter((side) => side.color).length;
  const copies = new Set(job.sides.map((side) => side.copy)).size;
  const facts = `${sheets.size} ${sheets.size === 1 ? "sheet" : "sheets"}, ${copies} ${copies === 1 ? "copy" : "copies"}, ` +
    `${colour} in colour`;
  return el("article", { class: "job", "data-attempt": job.attempt_id },
    el("h4", {}, job.token ? `Token ${job.token}` : "Without a token", el("small", { text: facts })),
    el("div", { class: "sheets" }, ...[...sheets.values()].map((both) => sheet(job, both))));
}

function sheet(job, both) {
  const faces = both.map((side) => side.face || "front").join(" / ");
  return el("figure", { class: "paper" }, ...both.map((side) => face(job, side)),
    el("figcaption", { text: `${faces}${both[0].copy > 1 ? ` · copy ${both[0].copy}` : ""}` }));
}

function face(job, side) {
  const words = `Token ${job.token}, copy ${side.copy}, page ${side.page}, ${side.color ? "colour" : "black and white"}`;
  const image = el("img", { src: side.image, alt: words, loading: "lazy", width: "120", height: "170" });
  // Its file is closed a moment after the side is on paper; until then a single dot comes.
  let tries = 0;
  image.addEventListener("load", () => {
    if (image.naturalWidth > 1 || tries >= 30) return;
    setTimeout(() => { image.src = `${side.image}?try=${++tries}`; }, 300 + tries * 100);
  });
  return el("button", { type: "button", class: `face-of ${side.color ? "" : "grey"}`, "aria-label": `Enlarge: ${words}`,
    onclick: () => enlarge(side, words) }, image);
}

function enlarge(side, words) {
  const picture = byId("viewer-image");
  picture.src = `${side.image}?wide=1`;
  picture.alt = words;
  picture.classList.toggle("grey", !side.color);
  byId("viewer-text").textContent = words;
  byId("viewer").showModal();
}

export function start() {
  const buttons = QUIRKS.map(([quirk, label]) => {
    const button = el("button", { type: "button", class: `chip small ${quirk ? "" : "good"}`, "data-quirk": quirk,
      "aria-pressed": "false", text: label });
    button.addEventListener("click", () =>
      doing(button, async () => draw(await call("POST", "/control/printer/quirk", { quirk }))));
    return button;
  });
  byId("quirks").append(
    el("span", { class: "label", text: "Break it:" }), ...buttons.slice(0, ALWAYS_SHOWN),
    el("details", { class: "more" }, el("summary", { text: "Worse things" }), el("div", {}, ...buttons.slice(ALWAYS_SHOWN))),
  );
  byId("viewer").addEventListener("click", (event) => {
    if (event.target === byId("viewer")) byId("viewer").close();
  });
}
