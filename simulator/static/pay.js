// The payment page: pay the link the ordinary way, or in one of the awkward ones.
import { byId, call, el, rupees } from "./tools.js";

const id = location.pathname.split("/").pop();
const SAID = {
  paid: ["This link is paid. Thank you!", "good"],
  expired: ["This link has expired.", "bad"],
  cancelled: ["This link was cancelled.", "bad"],
};
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function say(text, kind = "") {
  const box = byId("state");
  box.textContent = text;
  box.className = `state ${kind}`;
  box.hidden = false;
}

function draw(link, facts) {
  byId("shop").textContent = facts.shop;
  byId("amount").textContent = rupees(link.amount);
  byId("what").textContent = link.description || link.reference_id;
  const open = link.status === "created";
  const until = new Date(link.expire_by * 1000).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  byId("expires").textContent = open && link.expire_by ? `Can be paid until ${until}` : "";
  byId("methods").hidden = !open;
  byId("awkward").hidden = link.status === "paid";
  const cases = Object.entries(facts.cases)
    .filter(([name]) => (open ? !["normal", "failed"].includes(name) : name === "late"));
  byId("cases").replaceChildren(...cases.map(([name, words]) =>
    el("button", { type: "button", "data-case": name }, el("span", { text: words }))));
  if (!open) say(...(SAID[link.status] || [link.status, ""]));
  for (const button of document.querySelectorAll(".methods button"))
    button.onclick = () => pay(button.dataset.case || "normal", button.dataset.method || "upi", facts);
}

async function pay(which, method, facts) {
  const buttons = document.querySelectorAll(".methods button");
  buttons.forEach((button) => { button.disabled = true; });
  say("Talking to the bank…");
  try {
    await pause(500);
    const paid = await call("POST", `/control/links/${id}/pay`, { case: which, method });
    if (paid.status === "failed") {
      say("The payment failed. The link can still be paid.", "bad");
    } else if (paid.callback_url) {
      say(`${rupees(paid.amount)} paid. Taking you back to the shop…`, "good");
      await pause(900);
      location.assign(paid.callback_url);
      return;
    } else {
      draw(await call("GET", `/control/links/${id}`), facts);
      say(`${rupees(paid.amount)} paid. You can close this page and go back to the chat.`, "good");
    }
  } catch (problem) {
    say(problem.message, "bad");
  }
  buttons.forEach((button) => { button.disabled = false; });
}

try {
  const [facts, link] = await Promise.all([call("GET", "/page/facts"), call("GET", `/control/links/${id}`)]);
  draw(link, facts);
} catch (problem) {
  byId("amount").textContent = "No such link";
  say(problem.message, "bad");
}
