// The second view: one person's aggregates, one series at a time.

import { $, ask, count, h, show, table, title, unit, value } from "./dom.js";
import { chart } from "./chart.js";

const DAY = 24 * 3600e3;
// Days on one page of the chart; of laboratory results there are few.
const PAGE = { hour: 7, day: 42, week: 52 * 7, month: 24 * 31, quarter: 40 * 31, year: 200 * 31 };
const pageOf = (domain, period) => (domain === "labs" ? Math.max(365, PAGE[period]) : PAGE[period]);
const FLAGS = { normal: "labs", low: "warn", high: "warn", critical_low: "bad", critical_high: "bad", abnormal: "warn", unknown: "labs" };

let now = {}; // What is shown: user, domain, series, period, to.
let known; // The series of the user shown.
let ask_token;
let asked = 0; // Of answers that overtake each other the latest counts.

const date = (time) => new Date(time).toISOString().slice(0, 10);
const day = (text) => Date.parse(`${text}T00:00:00Z`);

export async function person(query, unlock) {
  ask_token = unlock;
  now = Object.fromEntries(["user", "domain", "series", "period", "to"].map((name) => [name, query.get(name)]));
  try {
    if (!$("users").children.length) {
      const { users } = await ask("/api/users");
      $("users").replaceChildren(...users.map((user) => h("option", { value: user })));
      if (!now.user) now.user = users[0];
    }
    now.user ??= $("users").firstChild?.value;
    $("user").value = now.user ?? "";
    if (!now.user) return tell("Nobody has aggregates yet.");
    if (known?.user !== now.user) {
      known = { user: now.user, ...(await ask(`/api/series?user=${encodeURIComponent(now.user)}`)) };
    }
    await choose();
  } catch (error) {
    known = undefined;
    if (error.status === 401) {
      tell("Health values are shown to those who have the token.", h("button", { type: "button", onclick: () => ask_token() }, "Enter token"));
    } else tell(error.message ?? "The worker does not answer.", h("button", { type: "button", onclick: () => person(query, unlock) }, "Try again"));
  }
}

function tell(text, ...more) {
  $("series-charts").replaceChildren(h("section", { class: "card" }, h("p", { class: "empty" }, text), ...more));
}

function choose() {
  const all = known.domains.flatMap((d) => d.series.map((line) => ({ ...line, domain: d.domain, periods: d.periods })));
  const names = [...new Map(all.map((line) => [`${line.domain}/${line.series}`, line])).values()];
  const found = names.find((line) => line.series === now.series && (!now.domain || line.domain === now.domain))
    ?? names.find((line) => line.domain === now.domain) ?? names.find((line) => line.series === "heart_rate") ?? names[0];
  show($("series"), [known.user, names], () => known.domains.filter((d) => names.some((line) => line.domain === d.domain)).map((d) =>
    h("optgroup", { label: title(d.domain) }, names.filter((line) => line.domain === d.domain).map((line) =>
      h("option", { value: `${line.domain}/${line.series}` }, title(line.label))))));
  if (!found) return tell(`There are no aggregates of user ${known.user}.`);
  now.domain = found.domain;
  now.series = found.series;
  const units = all.filter((line) => line.series === found.series && line.domain === found.domain);
  found.first = units.map((line) => line.first_date).sort()[0];
  found.last = units.map((line) => line.last_date).sort().at(-1);
  $("series").value = `${found.domain}/${found.series}`;
  if (!found.periods.includes(now.period)) now.period = "day";
  show($("periods"), [found.periods, found.domain], () => [h("legend", {}, "Period"), h("div", { class: "choices" }, found.periods.map((period) =>
    h("label", {}, h("input", { type: "radio", name: "period", value: period, onchange: () => go({ period }) }), h("span", {}, title(period)))))]);
  for (const input of $("periods").querySelectorAll("input")) input.checked = input.value === now.period;
  return draw(found);
}

async function draw(line) {
  const to = now.to && now.to < line.last ? now.to : line.last;
  const from = date(day(to) - (pageOf(line.domain, now.period) - 1) * DAY);
  const begin = from < line.first ? line.first : from;
  $("range").textContent = begin === to ? to : `${begin} to ${to}`;
  $("earlier").disabled = from <= line.first;
  $("later").disabled = to >= line.last;
  now.shown = to;
  const mine = ++asked;
  const query = new URLSearchParams({ user: now.user, series: line.series, period: now.period, from, to });
  const { rows } = await ask(`/api/aggregates/${line.domain}?${query}`);
  if (mine !== asked) return;
  if (!rows.length) return tell(`No ${now.period} has values between ${from} and ${to}.`);
  const units = [...new Set(rows.map((row) => row.unit))];
  $("series-charts").replaceChildren(...units.map((code) => h("section", { class: "card" },
    h("h2", {}, title(line.label), line.label === line.series ? null : h("small", {}, ` code ${line.series}`)),
    h("div", { class: "chart" }))));
  units.forEach((code, i) => one($("series-charts").children[i].lastChild, line, code, rows.filter((row) => row.unit === code), from, to));
}

function end(period, start) {
  const at = new Date(start);
  const months = { month: 1, quarter: 3, year: 12 }[period];
  if (months) return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, at.getUTCDate());
  return start + { hour: DAY / 24, day: DAY, week: 7 * DAY }[period];
}

function one(host, line, code, rows, from, to) {
  const { period } = now;
  const slots = rows.map((row) => {
    const start = period === "hour" ? Number(new Date(row.period_start)) : day(row.local_date);
    return { start, end: end(period, start) };
  });
  const names = rows.map((row, i) => (period === "hour" ? `${date(slots[i].start)} ${new Date(slots[i].start).toISOString().slice(11, 16)} UTC`
    : period === "day" ? row.local_date : `${title(period)} from ${row.local_date}`));
  const kind = kinds(line, rows);
  const times = period === "hour" ? "hours in UTC" : "calendar days where the person was";
  const numeric = kind.layers.some((layer) => layer.values.some((number) => number !== null));
  const shown = rows.map((row, i) => ({ row, name: names[i] }));
  const columns = [{ name: title(period), cell: ({ name }) => name }, ...kind.columns.map(([name, cell]) => ({ name, n: true, cell: ({ row }) => cell(row) }))];
  if (!numeric) return host.replaceChildren(table(columns, shown.reverse(), { label: line.label, scrolls: true }));
  const first = Math.min(slots[0].start, ...(period === "day" || period === "hour" ? [Math.max(day(from), day(line.first))] : []));
  const last = Math.max(slots.at(-1).end, ...(period === "day" ? [day(to) + DAY] : []));
  chart(host, {
    label: `${title(line.label)} by ${period}, ${names[0]} to ${names.at(-1)}${unit(code) ? `, in ${unit(code)}` : ""}`,
    unit: [unit(code), times].filter(Boolean).join(" · "),
    from: first, to: last, utc: true, days: period !== "hour", slots, height: 300,
    zero: kind.zero, zone: kind.zone, layers: kind.layers,
    tip: (i) => [names[i], ...kind.columns.map(([name, cell]) => `${name}: ${cell(rows[i])}`)],
    table: { columns, rows: shown.reverse() },
  });
}

const column = (name, key = name.toLowerCase()) => [name, (row) => bounded(row[key], row[`${key}_comparator`])];

// In words where a device had no number to show.
function bounded(number, sign) {
  if (!sign) return value(number);
  if (number === null) return sign.startsWith("<") ? "below range" : "above range";
  return sign + value(number);
}

// How a series is drawn follows from what it is.
function kinds(line, rows) {
  const of = (key) => rows.map((row) => row[key] ?? null);
  const samples = ["Samples", (row) => count(row.count)];
  if (line.domain === "labs") {
    const latest = rows.findLast((row) => row.reference_low !== null || row.reference_high !== null);
    const zone = latest && { low: latest.reference_low, high: latest.reference_high };
    return {
      zero: false, zone,
      layers: [
        { name: "Result, coloured by its flag", color: "labs", kind: "points", values: of("mean"), low: of("min"), high: of("max"), colors: rows.map((row) => FLAGS[row.worst_flag]) },
        ...(zone ? [{ name: "Reference range, shaded", color: "vitals", kind: "line", values: rows.map(() => null) }] : []),
      ],
      columns: [["Last result", (row) => row.last_text], ["Flag", (row) => row.worst_flag.replace("_", " ")], column("Mean"), column("Min"), column("Max"),
        ["Reference", (row) => reference(row)], ["Results", (row) => count(row.count)]],
    };
  }
  if (rows.some((row) => row.total !== null)) {
    const meals = (row) => Object.entries(row.meals ?? {}).map(([name, amount]) => `${name} ${value(amount)}`).join(", ");
    return {
      layers: [{ name: "Total", color: line.domain, kind: "bar", values: of("total") }],
      columns: [column("Total"), ...(line.domain === "nutrition" ? [["Meals", meals]] : []), samples],
    };
  }
  // A mean has no bar towards an end that no device showed a number of.
  const end = (key) => rows.map((row) => row[key] ?? row.mean);
  return {
    zero: false,
    layers: [{ name: "Mean, with lowest to highest", color: line.domain, kind: "band", values: of("mean"), low: end("min"), high: end("max") }],
    columns: [column("Mean"), column("Min"), column("Max"), column("First"), column("Last"), samples],
  };
}

function reference(row) {
  const [low, high] = [row.reference_low, row.reference_high];
  if (low === null && high === null) return "–";
  return low === null ? `up to ${value(high)}` : high === null ? `from ${value(low)}` : `${value(low)} to ${value(high)}`;
}

function go(change) {
  const { user, domain, series, period, to } = { ...now, ...change };
  const entries = Object.entries({ user, domain, series, period, to }).filter(([, text]) => text);
  location.hash = `person?${new URLSearchParams(entries)}`;
}

$("picker").addEventListener("submit", (event) => {
  event.preventDefault();
  go({ user: $("user").value.trim(), to: null });
});
$("user").addEventListener("change", () => go({ user: $("user").value.trim(), to: null }));
$("series").addEventListener("change", () => {
  const [domain, ...series] = $("series").value.split("/");
  go({ domain, series: series.join("/"), to: null });
});
$("earlier").addEventListener("click", () => go({ to: date(day(now.shown) - pageOf(now.domain, now.period) * DAY) }));
$("later").addEventListener("click", () => go({ to: date(day(now.shown) + pageOf(now.domain, now.period) * DAY) }));
