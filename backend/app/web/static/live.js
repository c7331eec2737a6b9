// Keeps marked regions of a page fresh: fetches them again, merges by element id.
// Every page works without this file.
"use strict";
(() => {
  const policy = window.trustedTypes
    ? trustedTypes.createPolicy("live", { createHTML: (html) => html })
    : { createHTML: (html) => html };
  const parse = (html) => new DOMParser().parseFromString(policy.createHTML(html), "text/html");
  const badge = document.getElementById("live");
  const typing = (element) => {
    const focused = document.activeElement;
    // An opened answer is being thought about: what is under somebody's hand stays.
    if (element.querySelector("details[open]")) return true;
    return element.contains(focused) && focused.matches("input:not([type=hidden]), textarea, select");
  };

  function attributes(old, fresh) {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  // A keyed element's children all have ids: each is kept, moved, replaced or removed by its id.
  function merge(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (!old.hasAttribute("data-keyed") || !fresh.hasAttribute("data-keyed")) return replace(old, fresh);
    attributes(old, fresh);
    const before = new Map([...old.children].map((child) => [child.id, child]));
    let place = old.firstElementChild;
    for (const next of fresh.children) {
      const known = before.get(next.id);
      before.delete(next.id);
      if (known) {
        if (known === place) place = place.nextElementSibling;
        else old.insertBefore(known, place);
        merge(known, next);
      } else {
        const added = document.importNode(next, true);
        if (added.matches(".card")) added.classList.add("new");
        old.insertBefore(added, place);
      }
    }
    for (const gone of before.values()) gone.remove();
  }

  function replace(old, fresh) {
    if (typing(old)) return;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(document.importNode(fresh, true));
    if (focused) document.getElementById(focused)?.focus();
  }

  function show(page) {
    for (const fresh of page.querySelectorAll("[data-region]")) {
      const old = document.getElementById(fresh.id);
      if (!old) continue;
      const said = old.dataset.announce;
      merge(old, fresh);
      const speaker = document.getElementById("announce");
      if (speaker && fresh.dataset.announce && fresh.dataset.announce !== said) {
        speaker.textContent = fresh.dataset.announce;
      }
    }
    if (page.title) document.title = page.title;
    dress();
  }

  function connected(yes) {
    if (!badge) return;
    badge.hidden = false;
    badge.classList.toggle("off", !yes);
    badge.textContent = yes ? badge.dataset.on : badge.dataset.off;
  }

  let etag = "";
  let timer = 0;
  let misses = 0;

  async function refresh() {
    clearTimeout(timer);
    const region = document.querySelector("[data-live]");
    if (!region || document.hidden) return;
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const answer = await fetch(region.dataset.live, { headers, credentials: "same-origin" });
      if (answer.status === 401) return location.reload();
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") || "";
        show(parse(await answer.text()));
      } else if (answer.status !== 304) throw new Error(String(answer.status));
      misses = 0;
      connected(true);
    } catch {
      misses += 1;
      connected(false);
    }
    later();
  }

  function later() {
    const seconds = Number(document.querySelector("[data-live]")?.dataset.every || 0);
    clearTimeout(timer);
    if (seconds) timer = setTimeout(refresh, 1000 * Math.min(30, seconds * 2 ** Math.min(misses, 3)));
  }

  // What a page only offers where scripts run, and what goes away by itself.
  let fading = 0;
  function dress() {
    for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
    const toast = document.querySelector(".toast");
    clearTimeout(fading);
    if (toast) fading = setTimeout(() => toast.remove(), 8000);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // A form that changes one card answers with the page; only what differs is put in place.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-form]")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        credentials: "same-origin",
      });
      if (answer.url.includes("/staff/login")) return location.assign("/staff/login");
      etag = "";
      show(parse(await answer.text()));
      later();
    } catch {
      button.disabled = false;
      connected(false);
    }
  });

  document.addEventListener("keydown", (event) => {
    const free = !event.target.matches("input, textarea, select");
    const search = document.getElementById("search");
    if (event.key === "/" && free && search && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  document.addEventListener("visibilitychange", () => (document.hidden ? 0 : refresh()));
  // Coming back with "Back" shows the page as it was left, perhaps hours ago.
  window.addEventListener("pageshow", (event) => (event.persisted ? refresh() : 0));
  dress();
  if (document.querySelector("[data-live]")) connected(true);
  later();
})();
