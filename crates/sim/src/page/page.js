// What a page does by itself: it takes in what changed, sends forms without leaving, and is moved through by keys.
// Everything is drawn by the server; without this script a page is whole, and only has to be reloaded.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- lists ----------------------------------------------------------------------------------------------------------------

// A list that stands at its end stays there, whatever comes or takes its room: posts, a phone's keyboard, a long draft. One that was
// scrolled up stays where it is, and counts what others write below.
const NEAR_END_PX = 80;
const lists = new Map();

function keep(box) {
  const list = { sticks: true, top: 0, news: 0, button: $(".news", box.parentElement) };
  lists.set(box, list);
  // Left in its middle for something that is open in it or beside it, it is found there again.
  const place = location.pathname.split("/", box.id === "thread" ? 4 : 3).join("/");
  const top = sessionStorage.getItem(`top ${place}`);
  const from = document.referrer && new URL(document.referrer).pathname;
  if (top !== null && `${from}/`.startsWith(`${place}/`)) {
    list.sticks = false;
    box.scrollTop = top;
  }
  addEventListener("pagehide", () => {
    if (list.sticks) sessionStorage.removeItem(`top ${place}`);
    else sessionStorage.setItem(`top ${place}`, box.scrollTop);
  });
  settle(box);
  box.addEventListener("scroll", () => moved(box), { passive: true });
  list.button.addEventListener("click", () => {
    toEnd(box);
    $$(".post", box).at(-1).focus();
  });
  new ResizeObserver(() => settle(box)).observe(box);
}

// Less room moves nothing up: only who scrolls up lets go of the end.
function moved(box) {
  const list = lists.get(box);
  const isNearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
  list.sticks = isNearEnd || (list.sticks && box.scrollTop >= list.top);
  list.top = box.scrollTop;
  if (list.sticks) count(list, 0);
}

function settle(box) {
  const list = lists.get(box);
  if (list.sticks) box.scrollTop = box.scrollHeight;
  list.top = box.scrollTop;
}

function toEnd(box) {
  const list = lists.get(box);
  list.sticks = true;
  count(list, 0);
  settle(box);
}

function count(list, news) {
  list.news = news;
  list.button.hidden = news === 0;
  $("b", list.button).textContent = news;
}

// ---- what changed ---------------------------------------------------------------------------------------------------------

function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// Puts the pieces of a region in place. An element that did not change stays, with its focus and what is selected in it.
function take({ region, order, set }, isFirst) {
  const box = document.getElementById(region);
  if (!box) return;
  const list = lists.get(box);
  for (const [id, html] of set) {
    const next = made(html);
    const old = document.getElementById(id);
    if (old && (drawn.get(old) ?? old.outerHTML) === next.outerHTML) continue;
    if (old && old.contains(document.activeElement) && $("textarea", old)) continue;
    const hadFocus = old === document.activeElement || old?.contains(document.activeElement);
    if (old) old.replaceWith(next);
    else box.append(next);
    if (hadFocus) next.focus();
    if (isFirst) continue;
    tell(old, next);
    if (list && !list.sticks && !old && isOthers(next)) count(list, list.news + 1);
  }
  const wanted = new Set(order);
  for (const piece of [...box.children]) if (!wanted.has(piece.id)) piece.remove();
  order.forEach((id, at) => {
    const piece = document.getElementById(id);
    if (piece && box.children[at] !== piece) box.insertBefore(piece, box.children[at] ?? null);
  });
  for (const messages of $$(".messages", box)) messages.scrollTop = messages.scrollHeight;
  if (!list) return;
  settle(box);
  roam(box);
}

const isOthers = (piece) => piece.matches(".post:not([data-mine])");

// Reads out whole posts of others, once, in the thread or else in the channel.
function tell(old, next) {
  if (!isOthers(next) || next.dataset.streaming !== undefined) return;
  const isNews = !old || old.dataset.streaming !== undefined;
  if (!isNews || (next.id.startsWith("c-") && $("#thread"))) return;
  const text = $(".text", next)?.innerText ?? "";
  $("#announcer").textContent = `${next.dataset.who}: ${text}`;
}

function listen() {
  const source = new EventSource(document.body.dataset.live);
  let isFirst = true;
  let misses = 0;
  source.addEventListener("message", (event) => {
    JSON.parse(event.data).forEach((patch) => take(patch, isFirst));
    isFirst = false;
    misses = 0;
    if (!$("#trouble").closest(".frame")) trouble("");
  });
  // The first time may be a hiccup; the browser tries again.
  source.addEventListener("error", () => {
    isFirst = true;
    misses += 1;
    if (misses > 1 || source.readyState === EventSource.CLOSED)
      trouble("The demo has ended. Start it again and open the link that it prints.");
  });
  addEventListener("pagehide", () => source.close());
}

// Says what went wrong: where it was tried, or above everything.
function trouble(text, form) {
  const box = $("#trouble");
  const place = form?.closest(".thread, .channel, .backstage");
  (place ? $(".write, .scroll", place) : document.body).prepend(box);
  box.textContent = text;
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
    if (!answer.ok) return trouble(await answer.text(), form);
    trouble("");
    if (form.matches(".write form")) toEnd($(".posts", form.closest(".thread, .channel")));
    if (form.dataset.draft) {
      sessionStorage.removeItem(draftOf(form));
      form.reset();
      grow(area);
    }
    const go = answer.headers.get("x-go");
    if (go && go !== location.pathname + location.search) leave(go, form);
  } catch {
    trouble("This was not sent: the demo does not answer. Is it still running?", form);
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
  lists.forEach((_, box) => settle(box));
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
  const escape = event.target.closest(".post [data-escape]");
  if (escape && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    follow(escape);
  }
});

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `chathakase_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}

// ---- keys -----------------------------------------------------------------------------------------------------------------

// Elements as the server drew them, before they were given their place among the keys.
const drawn = new WeakMap();

// Of a list, Tab reaches one post with what is in it, the newest until another was chosen. Arrows move between posts, Enter opens.
function roam(box) {
  const posts = $$(".post", box);
  const now = posts.find((post) => post.contains(document.activeElement)) ?? posts.at(-1);
  for (const post of posts) {
    if (!drawn.has(post)) drawn.set(post, post.outerHTML);
    post.tabIndex = post === now ? 0 : -1;
    for (const part of $$("a, button, pre, .table", post)) {
      if (post === now) part.removeAttribute("tabindex");
      else part.tabIndex = -1;
    }
  }
}

function only(button, all) {
  for (const other of all) other.tabIndex = other === button ? 0 : -1;
}

document.addEventListener("focusin", ({ target }) => {
  const post = target.closest(".post");
  if (post && post.tabIndex !== 0) roam(post.parentElement);
  if (target.matches(".ideas button")) only(target, $$("button", target.form));
});

const RUNS = [
  [".post", "ArrowUp", "ArrowDown"],
  [".place", "ArrowUp", "ArrowDown"],
  [".ideas button", "ArrowLeft", "ArrowRight"],
];

function arrows({ key }) {
  const here = document.activeElement;
  const run = RUNS.find(([each]) => here.matches(each));
  if (!run) return false;
  const [each, back, on] = run;
  const all = $$(each, here.closest("ol, ul, form"));
  const at = all.indexOf(here);
  const next = { Home: all[0], End: all.at(-1), [back]: all[at - 1], [on]: all[at + 1] }[key];
  next?.focus();
  return Boolean(next);
}

// What was open in a post is over: the way back does not lead into it again.
function leave(href, from) {
  if (from.closest(".post")) location.replace(href);
  else location.assign(href);
}

function follow(link) {
  if (link?.matches("[data-escape]")) leave(link.href, link);
  else if (link) location.assign(link.href);
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
  } else if (event.key === "Enter" && event.target.matches(".post")) {
    isDone = follow($(".summary, .tools a", event.target));
  } else if (!area) {
    isDone = arrows(event);
  }
  if (isDone) event.preventDefault();
});

// ---- the beginning --------------------------------------------------------------------------------------------------------

for (const box of $$(".messages")) box.scrollTop = box.scrollHeight;
for (const box of $$(".posts")) {
  keep(box);
  roam(box);
}
for (const ideas of $$(".ideas")) only($("button", ideas), $$("button", ideas));
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
  if (first && first.offsetParent && matchMedia("(min-width: 48rem)").matches) first.focus({ preventScroll: true });
  const open = $(".post .editor, .post .farewell")?.closest(".post");
  if (open) {
    open.scrollIntoView({ block: "center" });
    moved(open.parentElement);
  }
  listen();
}
