// Charts over time: bars, lines, bands and points, with axes, a cursor for
// pointer and arrow keys, and the same data as a table.
//
// spec: { label, unit, height, days, from, to, utc, slots: [{start, end, name}], tip(i),
//   layers: [{name, color, kind: "bar"|"line"|"band"|"points", values, low,
//   high, colors}], empty, zero, whole, max, limit: {value, name}, zone: {low, high},
//   table: {columns, rows} }; times are in milliseconds.

import { count, h, s, table, value } from "./dom.js";

const TOP = 12, BOTTOM = 24, RIGHT = 10;
const MINUTE = 60e3, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];

export function chart(host, spec) {
  if (host.busy && host.spec) {
    host.next = spec;
    return;
  }
  host.spec = spec;
  if (!host.observer) {
    host.observer = new ResizeObserver(() => host.clientWidth !== host.drawn && draw(host));
    host.observer.observe(host);
  }
  draw(host);
}

function niceTicks(low, high, whole) {
  const rough = Math.max((high - low) / 4 || 1, whole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((size) => size >= rough);
  const ticks = [];
  for (let tick = Math.floor(low / step); tick * step < high + step; tick++) ticks.push(Number((tick * step).toPrecision(12)));
  return ticks;
}

function bounds(spec) {
  const numbers = spec.layers.flatMap((layer) => [layer.values, layer.low ?? [], layer.high ?? []].flat());
  const bars = spec.layers.filter((layer) => layer.kind === "bar");
  const stacked = bars.length ? spec.slots.map((_, i) => bars.reduce((sum, layer) => sum + (layer.values[i] ?? 0), 0)) : [];
  const all = [...numbers, ...stacked, spec.zone?.low, spec.zone?.high].filter((n) => n !== null && n !== undefined);
  let low = spec.zero === false ? Math.min(...all) : 0;
  let high = spec.max ?? Math.max(...all, low);
  if (low === high) high = low + (spec.zero === false ? Math.abs(low) * 0.1 || 1 : 1);
  if (low === high - 1 && spec.zero === false) low -= 1;
  return spec.max ? [0, spec.max / 4, spec.max / 2, (spec.max * 3) / 4, spec.max] : niceTicks(low, high, spec.whole);
}

function timeTicks(spec, width) {
  const most = Math.max(2, Math.floor(width / 76));
  const length = spec.to - spec.from;
  const step = STEPS.find((size) => size >= (spec.days ? DAY : 0) && length / size <= most);
  const zone = spec.utc ? "UTC" : undefined;
  const ticks = [];
  if (step) {
    // Weeks begin on Monday; the epoch was a Thursday.
    const origin = step >= 7 * DAY ? 4 * DAY : 0;
    const format = new Intl.DateTimeFormat("en-GB", step >= DAY
      ? { day: "numeric", month: "short", timeZone: zone } : { hour: "2-digit", minute: "2-digit", timeZone: zone });
    const dated = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: zone });
    for (let t = Math.ceil((spec.from - origin) / step) * step + origin; t <= spec.to; t += step) {
      const text = format.format(t);
      ticks.push([t, text === "00:00" ? dated.format(t) : text]);
    }
    return ticks;
  }
  const months = [1, 3, 6, 12, 24, 60, 120].find((size) => length / (size * 30.4 * DAY) <= most) ?? 240;
  const first = new Date(spec.from);
  for (let month = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months; ; month += months) {
    const t = Date.UTC(Math.floor(month / 12), month % 12, 1);
    if (t > spec.to) return ticks;
    const parts = months >= 12 ? { year: "numeric" } : { month: "short", year: "numeric" };
    if (t >= spec.from) ticks.push([t, new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: "UTC" }).format(t)]);
  }
}

function draw(host) {
  const { spec } = host;
  const HEIGHT = spec.height ?? 210;
  const width = (host.drawn = host.clientWidth);
  if (!width) return;
  const ticks = bounds(spec);
  const [low, high] = [ticks[0], ticks.at(-1)];
  const labels = ticks.map((tick) => (spec.percent ? `${tick} %` : Math.abs(tick) >= 1000 ? count(tick) : value(tick)));
  const left = Math.max(...labels.map((text) => text.length)) * 6.8 + 12;
  const x = (t) => left + ((t - spec.from) / (spec.to - spec.from)) * (width - left - RIGHT);
  const y = (v) => TOP + (1 - (v - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);

  const parts = ticks.map((tick, i) => [
    s("line", { class: "grid-line", x1: left, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
    s("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, labels[i]),
  ]);
  if (spec.zone) {
    const top = y(Math.min(spec.zone.high ?? high, high));
    const bottom = y(Math.max(spec.zone.low ?? low, low));
    parts.push(s("rect", { class: "zone", x: left, width: width - RIGHT - left, y: top, height: Math.max(0, bottom - top) }));
  }
  for (const [t, text] of timeTicks(spec, width - left)) {
    const anchor = x(t) > width - 26 ? "end" : "middle";
    parts.push(s("line", { class: "axis", x1: x(t), x2: x(t), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }),
      s("text", { x: x(t), y: HEIGHT - 5, "text-anchor": anchor }, text));
  }
  parts.push(s("line", { class: "axis", x1: left, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }));
  const middle = (slot) => x((slot.start + slot.end) / 2);
  const below = spec.slots.map(() => 0);
  for (const layer of spec.layers) parts.push(drawLayer(layer, spec, { x, y, low, middle, below }));
  if (spec.limit && spec.limit.value <= high) {
    parts.push(s("line", { class: "limit", x1: left, x2: width - RIGHT, y1: y(spec.limit.value), y2: y(spec.limit.value) }),
      s("text", { class: "limit-text", x: width - RIGHT, y: y(spec.limit.value) - 5, "text-anchor": "end" }, spec.limit.name));
  }
  const cursor = s("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const something = spec.layers.some((layer) => layer.values.some((number) => number));
  if (spec.empty && !something) {
    parts.push(s("text", { class: "nothing", x: (left + width - RIGHT) / 2, y: (HEIGHT - BOTTOM + TOP) / 2, "text-anchor": "middle" }, spec.empty));
  }
  const svg = s("svg", { height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, tabindex: spec.slots.length ? 0 : null, role: "img", "aria-label": spec.label }, parts, cursor);
  const tip = h("div", { class: "tip", hidden: "", "aria-live": "polite" });
  const frame = h("div", { class: "chart" }, svg, tip);
  point(host, frame, svg, tip, cursor, middle, width);
  host.replaceChildren(legend(spec), frame, ...(spec.table ? [asTable(spec, host)] : []));
}

function drawLayer(layer, spec, { x, y, low, middle, below }) {
  const at = (i) => layer.values[i];
  const known = spec.slots.map((slot, i) => [slot, i]).filter(([, i]) => at(i) !== null && at(i) !== undefined);
  const path = (points) => points.map(([slot, i], n) => `${n ? "L" : "M"}${middle(slot).toFixed(1)} ${y(at(i)).toFixed(1)}`).join("");
  const color = `k-${layer.color}`;
  if (layer.kind === "bar") {
    return known.filter(([, i]) => at(i) > 0).map(([slot, i]) => {
      const [bottom, top] = [y(below[i]), y((below[i] += at(i)))];
      const width = Math.max(1, Math.min(56, (x(slot.end) - x(slot.start)) * 0.78));
      return s("rect", { class: `bar ${color}`, x: middle(slot) - width / 2, width, y: top, height: Math.max(0.5, bottom - top), rx: Math.min(2, width / 4) });
    });
  }
  if (layer.kind === "points") {
    return known.map(([slot, i]) => {
      const own = `k-${layer.colors?.[i] ?? layer.color}`;
      return s("g", { class: own },
        s("line", { class: "whisker", x1: middle(slot), x2: middle(slot), y1: y(layer.low[i]), y2: y(layer.high[i]) }),
        s("circle", { class: "point", cx: middle(slot), cy: y(at(i)), r: 5 }));
    });
  }
  const line = s("path", { class: `stroke ${color}`, d: path(known) });
  // A single reading is no line.
  const dots = known.length === 1 ? known.map(([slot, i]) => s("circle", { class: `point ${color}`, cx: middle(slot), cy: y(at(i)), r: 4 })) : [];
  if (layer.kind !== "band") return [line, ...dots];
  const bars = known.map(([slot, i]) => {
    const width = Math.max(1, Math.min(56, (x(slot.end) - x(slot.start)) * 0.78));
    const top = y(layer.high[i]);
    return s("rect", { class: `area ${color}`, x: middle(slot) - width / 2, width, y: top, height: Math.max(1, y(Math.max(low, layer.low[i])) - top), rx: Math.min(3, width / 4) });
  });
  return [...bars, line, ...dots];
}

function legend(spec) {
  const items = spec.layers.filter((layer) => layer.name).map((layer) =>
    h("li", {}, h("i", { class: `k-${layer.color}` }), layer.name));
  return h("ul", { class: "legend" }, items, spec.unit ? h("li", {}, spec.unit) : null);
}

function point(host, frame, svg, tip, cursor, middle, width) {
  const { spec } = host;
  let index = -1;
  const hide = () => {
    index = -1;
    tip.hidden = true;
    cursor.setAttribute("visibility", "hidden");
    host.busy = false;
    if (host.next) {
      const next = host.next;
      host.next = undefined;
      host.spec = next;
      draw(host);
    }
  };
  const move = (to) => {
    if (!spec.slots.length) return;
    host.busy = true;
    index = Math.min(spec.slots.length - 1, Math.max(0, to));
    const at = middle(spec.slots[index]);
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.setAttribute("visibility", "visible");
    const [name, ...lines] = spec.tip(index);
    tip.replaceChildren(h("b", {}, name), ...lines.map((line) => h("span", {}, line)));
    tip.hidden = false;
    const left = at + 14 + tip.offsetWidth > width ? at - 14 - tip.offsetWidth : at + 14;
    tip.style.left = `${Math.max(0, left)}px`;
  };
  svg.addEventListener("pointermove", (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    const distances = spec.slots.map((slot) => Math.abs(middle(slot) - at));
    move(distances.indexOf(Math.min(...distances)));
  });
  svg.addEventListener("pointerleave", hide);
  // What has the focus is not replaced under it.
  svg.addEventListener("focus", () => (host.busy = true));
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: index < 0 ? spec.slots.length - 1 : index - 1, ArrowRight: index + 1, Home: 0, End: spec.slots.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === "Escape") hide();
  });
}

function asTable(spec, host) {
  const details = h("details", {}, h("summary", {}, "The same as a table"));
  const fill = () => {
    host.open = details.open;
    if (details.open && !details.filled) {
      details.filled = true;
      details.append(table(spec.table.columns, spec.table.rows, { label: spec.label, scrolls: true }));
    }
  };
  details.addEventListener("toggle", fill);
  details.addEventListener("focusin", () => (host.busy = true));
  details.addEventListener("focusout", () => (host.busy = false));
  details.open = Boolean(host.open);
  return details;
}
