// The first view: what waits, how fast it goes, what failed, who works.

import { $, ask, clock, count, h, moment, show, span, table, title, token, zone } from "./dom.js";
import { chart } from "./chart.js";

const MINUTE = 60e3;
const DOMAINS = ["vitals", "labs", "nutrition"];

let discard; // What the open dialog is about.
export const confirmed = () => discard?.();

export function work(overview, act) {
  const { status } = overview;
  pool(overview);
  if (!status) {
    show($("domains"), "none", () => h("p", { class: "empty" }, "Waiting for the first figures from the database."));
    return;
  }
  domains(status);
  rate(overview);
  backlog(overview);
  workers(overview);
  batches(overview.history.batches);
  failedGroups.update(overview, act);
}

function domains(status) {
  show($("domains"), [status.domains, status.retention], () => status.domains.map((d) =>
    h("section", { class: `card domain ${d.domain}` },
      h("h2", {}, title(d.domain)),
      h("div", { class: "big" }, count(d.pending_rows), " ", h("small", {}, d.pending_rows === 1 ? "row pending" : "rows pending")),
      h("dl", { class: "facts" },
        fact("oldest", d.pending_rows ? span(d.oldest_pending_seconds) : "–"),
        fact("groups pending", count(d.pending_groups)),
        fact("waiting for a retry", count(d.waiting_groups), d.waiting_groups && "warn-text"),
        fact("dead", count(d.dead_groups), d.dead_groups && "bad-text"),
        fact("rejected rows", count(d.rejected_rows)),
        ...kept(status.retention.find((r) => r.domain === d.domain))))));
}

const fact = (name, text, cls) => h("div", {}, h("dt", {}, name), h("dd", { class: cls || null }, text));

// Old groups that retention keeps, and why.
const kept = (r) => [
  r?.dead_groups ? fact("old and dead", `${count(r.dead_groups)}, oldest ${r.oldest_dead}`, "bad-text") : null,
  r && r.backlog.waiting > r.backlog.allowance ? fact("old, removed today", `${count(r.removed)} of ${count(r.backlog.waiting)}`) : null,
].filter(Boolean);

function rate(overview) {
  // The minute that has just begun is shown so far.
  const to = (Math.floor(new Date(overview.now) / MINUTE) + 1) * MINUTE;
  const from = to - 60 * MINUTE;
  const slots = Array.from({ length: 60 }, (_, i) => ({ start: from + i * MINUTE, end: from + (i + 1) * MINUTE }));
  const rows = Object.fromEntries(DOMAINS.map((name) => [name, slots.map(() => 0)]));
  const failed = slots.map(() => 0);
  for (const line of overview.history.minutes) {
    const index = Math.round((new Date(line.minute) - from) / MINUTE);
    if (index < 0 || index >= 60 || !rows[line.domain]) continue;
    rows[line.domain][index] += line.rows;
    failed[index] += line.groups_failed;
  }
  const shown = status(overview).map((d) => d.domain);
  const key = [to, rows, failed];
  if (same($("rate"), key)) return;
  chart($("rate"), {
    label: "Rows folded per minute in the last hour, by domain",
    unit: `rows per minute · times in ${zone}`,
    from, to, slots, whole: true, empty: "No rows folded in the last hour",
    layers: shown.map((name) => ({ name: title(name), color: name, kind: "bar", values: rows[name] })),
    tip: (i) => [clock(slots[i].start).slice(0, 5) + (i === 59 ? " so far" : ""), ...shown.map((name) => `${title(name)}: ${count(rows[name][i])}`),
      ...(failed[i] ? [`groups failed: ${count(failed[i])}`] : [])],
    table: {
      columns: [{ name: "Minute", cell: (i) => clock(slots[i].start).slice(0, 5) },
        ...shown.map((name) => ({ name: title(name), n: true, cell: (i) => count(rows[name][i]) })),
        { name: "Groups failed", n: true, cell: (i) => count(failed[i]) }],
      rows: slots.map((_, i) => i).reverse(),
    },
  });
}

const status = (overview) => overview.status.domains;

function sampled(overview) {
  const samples = overview.samples.map((sample) => ({ ...sample, t: Number(new Date(sample.at)) }));
  const to = Number(new Date(overview.now));
  const from = Math.min(to - 5 * MINUTE, samples[0]?.t ?? to);
  return { samples, from, to, slots: samples.map(({ t }) => ({ start: t, end: t })) };
}

function backlog(overview) {
  const { samples, from, to, slots } = sampled(overview);
  if (same($("backlog"), samples)) return;
  const shown = status(overview).map((d) => d.domain);
  chart($("backlog"), {
    label: "Pending rows by domain since this worker started, at most the last hour",
    unit: `rows · times in ${zone}`,
    from, to, slots, whole: true, empty: "Nothing pending",
    layers: shown.map((name, n) => ({ name: title(name), color: name, kind: "line", values: samples.map((sample) => sample.pending[n]) })),
    tip: (i) => [clock(samples[i].t), ...shown.map((name, n) => `${title(name)}: ${count(samples[i].pending[n])}`)],
    table: {
      columns: [{ name: "Time", cell: (sample) => clock(sample.t) },
        ...shown.map((name, n) => ({ name: title(name), n: true, cell: (sample) => count(sample.pending[n]) }))],
      rows: [...samples].reverse(),
    },
  });
}

function pool(overview) {
  const { pool: now } = overview;
  const kind = { pressured: "warn", exhausted: "bad" }[now.status] ?? "";
  $("pool-note").textContent = `of at most ${count(now.max)}`;
  show($("pool"), now, () => [
    h("div", { class: "big" }, count(now.in_use), " ", h("small", {}, `in use, ${now.usage_percent} % · ${now.status}`)),
    meter(now.usage_percent, kind),
    h("dl", { class: "facts" },
      fact("available", count(now.available)), fact("open", count(now.size)),
      fact("waiting", count(now.waiting), now.waiting && "warn-text"),
      fact("breaker", overview.breaker_open ? "open" : "closed", overview.breaker_open && "bad-text")),
  ]);
  const { samples, from, to, slots } = sampled(overview);
  if (now.max === 1) {
    show($("pool-chart"), 1, () => h("p", { class: "empty" }, "SQLite has one connection: that it is in use is how it should be."));
    return;
  }
  if (same($("pool-chart"), samples)) return;
  chart($("pool-chart"), {
    label: "Connections in use, in percent of those that may be open",
    unit: `% in use · times in ${zone}`,
    from, to, slots, max: 100, percent: true,
    limit: { value: 80, name: "80 %" },
    layers: [{ color: "vitals", kind: "line", values: samples.map((sample) => sample.pool_percent) }],
    tip: (i) => [clock(samples[i].t), `${samples[i].pool_percent} % in use`],
    table: {
      columns: [{ name: "Time", cell: (sample) => clock(sample.t) }, { name: "In use", n: true, cell: (sample) => `${sample.pool_percent} %` }],
      rows: [...samples].reverse(),
    },
  });
}

function meter(percent, kind) {
  const fill = h("div", { class: "fill" });
  fill.style.width = `${Math.min(100, percent)}%`;
  return h("div", { class: `meter ${kind}`, role: "meter", "aria-label": "Connections in use", "aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100 },
    fill, h("div", { class: "mark80" }, h("span", {}, "80 %")));
}

// Whether a chart shows this already.
function same(host, key) {
  const text = JSON.stringify(key);
  if (host.key === text) return true;
  host.key = text;
  return false;
}

function workers(overview) {
  const list = overview.status.workers;
  show($("workers"), list, () => (list.length === 0
    ? h("p", { class: "empty" }, "No worker was seen in the last minute.")
    : table([
      { name: "Worker", cell: (w) => [w.worker, w.worker === overview.worker ? h("span", { class: "wide" }, " (this one)") : null] },
      { name: "Doing", cell: (w) => h("span", { class: `tag ${w.activity === "paused" ? "warn" : ""}` }, w.activity) },
      { name: "Groups in flight", cls: "wide", cell: (w) => folding(w.folding) },
      { name: "Since", cls: "wide", cell: (w) => moment(w.started_at) },
      { name: "Seen", n: true, cell: (w) => `${span(w.seen_seconds_ago)} ago` },
    ], list, { label: "Workers", scrolls: true })));
}

// The first few by name; all of them in the title.
function folding(groups) {
  if (groups.length === 0) return "–";
  const name = (group) => `${group.domain} of user ${group.user_id} on ${group.local_date}`;
  const rest = groups.length > 2 ? ` and ${count(groups.length - 2)} more` : "";
  return h("span", { title: groups.slice(0, 50).map(name).join("\n") }, groups.slice(0, 2).map(name).join(", ") + rest);
}

function batches(list) {
  $("batches-note").textContent = list.length ? `times in ${zone}` : "";
  const percent = (pool) => `${pool.checked_out} / ${pool.max}`;
  show($("batches"), list, () => (list.length === 0
    ? h("p", { class: "empty" }, "No batch yet.")
    : table([
      { name: "Began", cell: (b) => h("time", { datetime: b.started_at, title: moment(b.started_at) }, clock(b.started_at)) },
      { name: "Domain", cell: (b) => b.domain },
      { name: "Rows", n: true, cell: (b) => count(b.rows_pulled) },
      { name: "Rejected", n: true, wide: true, cell: (b) => count(b.rows_rejected) },
      { name: "Groups", n: true, cell: (b) => count(b.groups_ok) },
      { name: "Failed", n: true, cell: (b) => h("span", { class: b.groups_failed ? "bad-text" : null }, count(b.groups_failed)) },
      { name: "Locked", n: true, wide: true, cell: (b) => count(b.groups_skipped) },
      { name: "Took", n: true, cell: (b) => `${count(b.duration_ms)} ms` },
      { name: "Pool before", n: true, wide: true, cell: (b) => percent(b.pool_before) },
      { name: "after", n: true, wide: true, cell: (b) => percent(b.pool_after) },
      { name: "Worker", wide: true, cell: (b) => b.worker },
    ], list, { label: "Latest batches", scrolls: true })));
}

// Read from the database, so only when there is reason to.
export const failedGroups = {
  next: 0,
  soon() {
    this.next = 0;
  },
  async update(overview, act) {
    const some = status(overview).some((d) => d.waiting_groups + d.dead_groups > 0);
    const closed = overview.people === "closed" || (overview.people === "token" && !token.get());
    if (!some || closed) {
      const text = !some ? "None." : overview.people === "closed"
        ? "They name people: set http.token to see them here, or use `vitalfold failed list`."
        : "They name people: enter the token to see them.";
      $("failed-note").textContent = "";
      show($("failed"), text, () => h("p", { class: "empty" }, text));
      return;
    }
    if (overview.trouble || overview.lost || Date.now() < this.next) return;
    this.next = Date.now() + 10e3;
    try {
      const { groups, per_domain: most } = await ask("/api/failed");
      this.render(groups, most, overview, act);
    } catch (error) {
      if (!$("failed").shown) show($("failed"), error.message, () => h("p", { class: "empty" }, error.message));
    }
  },
  render(groups, most, overview, act) {
    groups.sort((a, b) => (a.state === b.state ? 0 : a.state === "dead" ? -1 : 1));
    $("failed-note").textContent = groups.length >= most ? `the first ${most} of each domain` : "";
    const able = overview.actions && token.get();
    show($("failed"), [groups, able], () => (groups.length === 0
      ? h("p", { class: "empty" }, "None any more.")
      : table([
        { name: "State", cell: (g) => h("span", { class: `tag ${g.state === "dead" ? "bad" : "warn"}` }, g.state) },
        { name: "Group", cell: (g) => h("a", { href: `#person?user=${g.user_id}&domain=${g.domain}&to=${g.local_date}` }, `${g.domain}, user ${g.user_id}, ${g.local_date}`) },
        { name: "Attempts", n: true, cell: (g) => count(g.attempts) },
        { name: "Next", cell: (g) => (g.state === "dead" ? "–" : moment(g.next_attempt_at)) },
        { name: "Reason", cls: "reason", cell: (g) => `${g.error_class}: ${g.error}` },
        ...(able ? [{ name: "", cell: (g) => buttons(g, act) }] : []),
      ], groups, { label: "Failed groups", stacked: true })));
  },
};

function buttons(group, act) {
  const key = { domain: group.domain, user_id: group.user_id, local_date: group.local_date };
  const name = `${group.domain} of user ${group.user_id} on ${group.local_date}`;
  return h("div", { class: "actions" },
    h("button", { type: "button", "aria-label": `Retry ${name}`, onclick: () => act("/api/failed/retry", key) }, "Retry"),
    h("button", {
      type: "button", "aria-label": `Discard ${name}`,
      onclick: () => {
        discard = () => act("/api/failed/discard", key);
        $("confirm-text").textContent = `The rows of ${name} that came since it was folded last are rejected and stay out of its aggregates.`;
        $("confirm-dialog").showModal();
      },
    }, "Discard"));
}
