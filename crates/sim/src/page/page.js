// What a page does by itself: it takes in what changed, sends forms without leaving, and is moved through by keys.
// Everything is drawn by the server; without this script a page is whole, and only has to be reloaded.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- what changed ---------------------------------------------------------------------------------------------------------

const NEAR_END_PX = 80;

function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function isNearEnd(box) {
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
}

// Puts the pieces of a region in place. An element that did not change stays, with its focus and what is selected in it.
function take({ region, order, set }, isFirst) {
  const box = document.getElementById(region);
  if (!box) return;
  const follows = box.classList.contains("posts") && isNearEnd(box);
  for (const [id, html] of set) {
    const next = made(html);
    const old = document.getElementById(id);
    if (old && old.outerHTML === next.outerHTML) continue;
    if (old && old.contains(document.activeElement) && $("textarea", old)) continue;
    const hadFocus = old === document.activeElement || old?.contains(document.activeElement);
    if (old) old.replaceWith(next);
    else box.append(next);
    if (hadFocus) next.focus();
    if (!isFirst) tell(old, next);
  }
  const wanted = new Set(order);
  for (const piece of [...box.children]) if (!wanted.has(piece.id)) piece.remove();
  order.forEach((id, at) => {
    const piece = document.getElementById(id);
    if (piece && box.children[at] !== piece) box.insertBefore(piece, box.children[at] ?? null);
  });
  if (follows) box.scrollTop = box.scrollHeight;
  for (const list of $$(".messages", box)) list.scrollTop = list.scrollHeight;
  if (box.classList.contains("posts")) roam(box);
}

// Reads out whole posts of others, once, in the thread or else in the channel.
function tell(old, next) {
  if (!next.matches(".post") || next.dataset.mine !== undefined || next.dataset.streaming !== undefined) return;
  const isNews = !old || old.dataset.streaming !== undefined;
  if (!isNews || (next.id.startsWith("c-") && $("#thread"))) return;
  const text = $(".text", next)?.innerText ?? "";
  $("#announcer").textContent = `${next.dataset.who}: ${text}`;
}

function listen() {
  const source = new EventSource(document.body.dataset.live);
  let isFirst = true;
  source.addEventListener("message", (event) => {
    JSON.parse(event.data).forEach((patch) => take(patch, isFirst));
    isFirst = false;
    document.body.dataset.connected = "yes";
    if ($("#trouble").dataset.kind === "gone") trouble("");
  });
  source.addEventListener("error", () => {
    isFirst = true;
    delete document.body.dataset.connected;
    trouble("The demo does not answer. It may have ended; this page goes on when it is back.", "gone");
  });
  addEventListener("pagehide", () => source.close());
}

function trouble(text, kind = "") {
  const box = $("#trouble");
  box.textContent = text;
  box.dataset.kind = kind;
  box.hidden = !text;
}

// ---- forms ----------------------------------------------------------------------------------------------------------------

const draftOf = (form) => `draft ${form.dataset.draft}`;

async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const area = $("textarea", form);
  if (form.matches("[data-busy]") || (area && !area.value.trim())) return;
  form.dataset.busy = "";
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, headers: { "x-scripted": "1" } });
    if (!answer.ok) return trouble(await answer.text(), "refused");
    trouble("");
    if (form.dataset.draft) {
      sessionStorage.removeItem(draftOf(form));
      form.reset();
      grow(area);
    }
    const go = answer.headers.get("x-go");
    if (go && go !== location.pathname + location.search) location.assign(go);
  } catch {
    trouble("The demo does not answer, so this was not sent. Is it still running?", "refused");
  } finally {
    delete form.dataset.busy;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches(".join") || !document.body.dataset.live) return;
  event.preventDefault();
  send(form, event.submitter);
});

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

document.addEventListener("input", (event) => {
  const area = event.target;
  if (!area.matches("textarea")) return;
  grow(area);
  const { draft } = area.form.dataset;
  if (draft) sessionStorage.setItem(draftOf(area.form), area.value);
});

document.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert]");
  if (insert) {
    const area = document.getElementById(insert.dataset.into);
    area.focus();
    area.setRangeText(insert.dataset.insert, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (event.target.closest("[data-theme-switch]")) switchTheme();
});

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `chathakase_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}

// ---- keys -----------------------------------------------------------------------------------------------------------------

// One post of a list can be reached by Tab; the arrows move between them.
function roam(box, to) {
  const posts = $$(".post", box);
  const now = to ?? posts.find((post) => post === document.activeElement) ?? posts.find((post) => post.tabIndex === 0) ?? posts.at(-1);
  for (const post of posts) post.tabIndex = post === now ? 0 : -1;
  if (to) to.focus();
}

function arrows(event) {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const post = document.activeElement.closest(".post");
  const place = document.activeElement.closest(".place");
  if (post && document.activeElement === post) {
    const posts = $$(".post", post.parentElement);
    const next = { Home: posts[0], End: posts.at(-1) }[event.key] ?? posts[posts.indexOf(post) + step];
    if (next) roam(post.parentElement, next);
    return Boolean(next);
  }
  if (place && step) {
    const places = $$(".place");
    const next = places[places.indexOf(place) + step];
    next?.focus();
    return Boolean(next);
  }
  return false;
}

function follow(link) {
  if (link) location.assign(link.href);
  return Boolean(link);
}

// The last of one's own posts, from an empty composer.
function editLast(area) {
  const posts = $$(".post[data-mine]", area.closest(".thread, .channel"));
  return follow($("[data-edit]", posts.at(-1) ?? document.createElement("i")));
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  const area = event.target.matches("textarea") ? event.target : null;
  let isDone = false;
  if (event.key === "Enter" && area && !event.shiftKey) {
    isDone = true;
    area.form.requestSubmit();
  } else if (event.key === "ArrowUp" && area && !area.value && area.form.dataset.draft) {
    isDone = editLast(area);
  } else if (event.key === "Escape") {
    // What was opened last closes first: a change, the backstage, the thread.
    isDone = follow($(".post [data-escape]") ?? $(".backstage [data-escape]") ?? $(".thread [data-escape]"));
  } else if (!area) {
    isDone = arrows(event);
  }
  if (isDone) event.preventDefault();
});

// ---- the beginning --------------------------------------------------------------------------------------------------------

for (const box of $$(".posts, .messages")) box.scrollTop = box.scrollHeight;
$$(".posts").forEach((box) => roam(box));
for (const form of $$("form[data-draft]")) {
  const area = $("textarea", form);
  area.value = sessionStorage.getItem(draftOf(form)) ?? area.value;
  grow(area);
}
for (const area of $$(".editor textarea")) {
  grow(area);
  area.setSelectionRange(area.value.length, area.value.length);
}
if (document.body.dataset.live) {
  const first = $(".farewell button") ?? $("#write-edit") ?? $("#write-thread") ?? $("#write");
  // On a phone the keyboard would cover what one came to read.
  if (first && first.offsetParent && matchMedia("(min-width: 48rem)").matches) first.focus();
  listen();
}
