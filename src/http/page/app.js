// The two views, the state line, the token, pause and resume.

import { $, Refused, ask, clock, moment, span, token } from "./dom.js";
import { confirmed, failedGroups, work } from "./overview.js";
import { person } from "./person.js";

const EVERY = 2000;

let latest; // The last overview that came.
let arrived;

function state() {
  const status = latest?.status;
  if (!latest) return ["warn", "connecting"];
  if (latest.lost) return ["bad", "worker does not answer"];
  if (latest.breaker_open || latest.trouble) return ["bad", status || latest.breaker_open ? "database away" : "reading the database"];
  if (latest.stopping) return ["warn", "stopping"];
  if (status?.paused) return ["warn", "paused"];
  if (latest.pool.status !== "healthy") return ["warn", `connections ${latest.pool.status}`];
  const waiting = status?.domains.some((d) => d.pending_groups > 0);
  return ["good", waiting ? "folding" : "up to date"];
}

function banner() {
  if (!latest) return;
  let text = "";
  if (latest.lost) {
    text = `The worker does not answer since ${clock(arrived)}. What is shown is from then; it goes on by itself.`;
  } else if (latest.trouble || latest.breaker_open) {
    const age = latest.read_seconds_ago;
    const why = latest.breaker_open ? "the circuit breaker is open" : latest.trouble;
    text = age === null ? `No figures yet: ${why}.`
      : `The database does not answer: ${why}. Figures are from ${span(age)} ago; they go on by themselves.`;
  } else if (latest.status?.paused) {
    text = "Paused: every worker waits until someone resumes it. Rows that come in are kept.";
  } else {
    const refused = latest.status?.retention.find((r) => r.refused);
    if (refused) text = `Retention of ${refused.domain} is refused since ${moment(refused.refused_since)}: ${refused.refused}`;
  }
  const bad = Boolean(latest.lost || latest.trouble || latest.breaker_open);
  $("banner").hidden = !text;
  $("banner").classList.toggle("bad", bad);
  if ($("banner").textContent !== text) $("banner").textContent = text;
  document.body.classList.toggle("stale", bad);
}

function controls() {
  const [kind, text] = state();
  $("state").className = kind;
  $("state-text").textContent = text;
  document.title = `${text} – vitalfold`;
  if (!latest) return;
  const needed = latest.people === "token" || latest.actions;
  $("unlock").hidden = !needed;
  $("unlock").textContent = token.get() ? "Forget token" : "Enter token";
  $("pause").hidden = !latest.actions || !latest.status;
  $("pause").disabled = !token.get() || Boolean(latest.lost);
  $("pause").title = token.get() ? "" : "Enter the token first";
  $("pause").textContent = latest.status?.paused ? "Resume" : "Pause";
  $("footer").textContent = [
    `vitalfold ${latest.version}, worker ${latest.worker}`,
    latest.actions ? "" : "read only: set http.token to pause, retry and discard here",
  ].filter(Boolean).join(" · ");
}

async function refresh() {
  try {
    latest = await ask("/api/overview");
    arrived = Date.now();
  } catch {
    latest = latest ? { ...latest, lost: true } : undefined;
    if (!latest) $("state-text").textContent = "worker does not answer";
  }
  banner();
  controls();
  if (latest) {
    if (!$("work").hidden) work(latest, act);
    document.body.dataset.ready = "true";
  }
}

async function loop() {
  if (!document.hidden) await refresh();
  setTimeout(loop, EVERY);
}

// Runs an action; a token that is refused is asked for again.
async function act(path, body) {
  try {
    await ask(path, body ?? {});
    failedGroups.soon();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) unlock(error.message);
    else {
      $("banner").hidden = false;
      $("banner").textContent = error.message;
      return;
    }
  }
  await refresh();
}

function unlock(message = "") {
  $("token-error").textContent = message;
  $("token").value = "";
  $("token-dialog").showModal();
}

function view() {
  const [name, query] = location.hash.slice(1).split("?");
  const onPerson = name === "person";
  $("work").hidden = onPerson;
  $("person").hidden = !onPerson;
  for (const link of document.querySelectorAll("nav a")) {
    if ((link.hash === "#person") === onPerson) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (onPerson) person(new URLSearchParams(query), unlock);
  else if (latest) work(latest, act);
}

$("pause").addEventListener("click", () => act(latest.status.paused ? "/api/resume" : "/api/pause"));
$("unlock").addEventListener("click", () => {
  if (!token.get()) return unlock();
  token.drop();
  failedGroups.soon();
  view();
  controls();
});
$("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  token.set($("token").value);
  try {
    await ask("/api/users");
  } catch (error) {
    // Another trouble than a wrong token is told where it matters.
    if (error.status === 401 || error.status === 429) {
      token.drop();
      $("token-error").textContent = error.message;
      return;
    }
  }
  $("token-dialog").close();
  failedGroups.soon();
  controls();
  view();
});
$("confirm-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("confirm-dialog").close();
  confirmed();
});
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
addEventListener("hashchange", view);
document.addEventListener("visibilitychange", () => !document.hidden && refresh());

view();
loop();
