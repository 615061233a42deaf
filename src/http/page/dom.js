// Elements, texts and requests.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

// Replaces what an element shows, but only when it would show something else:
// focus and selection stay where they are.
export function show(element, key, render) {
  const text = JSON.stringify(key);
  if (element.shown === text) return;
  element.shown = text;
  element.replaceChildren(...[render()].flat());
}

export function table(columns, rows, options = {}) {
  const cls = (column) => [column.n && "n", column.wide && "wide", column.cls].filter(Boolean).join(" ") || null;
  const head = columns.map((column) => h("th", { scope: "col", class: cls(column) }, column.name));
  const body = rows.map((row) => h("tr", {}, columns.map((column) =>
    h("td", { class: cls(column), "data-label": column.name }, column.cell(row)))));
  return h("div", { class: "table", tabindex: options.scrolls ? 0 : null, role: options.scrolls ? "region" : null, "aria-label": options.label },
    h("table", { class: options.stacked ? "stacked" : null, "aria-label": options.label },
      h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const count = (number) => grouped.format(number);

// Three significant digits or all whole ones.
export function value(number) {
  if (number === null || number === undefined) return "–";
  const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 3;
  return new Intl.NumberFormat("en", { maximumFractionDigits: digits }).format(number);
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min`;
  if (total < 48 * 3600) return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
  return `${count(Math.floor(total / 86400))} days`;
}

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const momentFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const clock = (time) => clockFormat.format(new Date(time));
export const moment = (time) => momentFormat.format(new Date(time));

export const title = (name) => {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

const UNITS = { "/min": "per minute", "mm[Hg]": "mmHg", Cel: "°C", "{count}": "count", "{steps}": "steps", "ug": "µg", "1": "" };
export const unit = (code) => UNITS[code] ?? code.replaceAll(/[{}[\]]/g, "");

export const token = {
  get: () => sessionStorage.getItem("token"),
  set: (text) => sessionStorage.setItem("token", text),
  drop: () => sessionStorage.removeItem("token"),
};

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(path, body) {
  const options = { headers: {}, signal: AbortSignal.timeout(15000) };
  if (token.get()) options.headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Refused(response.status, answer.error);
  return answer;
}
