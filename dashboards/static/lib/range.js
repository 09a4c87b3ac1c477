// A time range that stands in the address: the newest hours or days, or from and to.
import { choice, h } from "./dom.js";

const HOUR = 3600e3;
export const RANGES = { "1h": HOUR, "6h": 6 * HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR, "30d": 720 * HOUR, "90d": 2160 * HOUR };
const TEXT = { "1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d" };

export class Range {
  constructor(view, names, usual, changed) {
    Object.assign(this, { view, names, changed });
    const { from, to, range } = view.query;
    this.fixed = from && to ? [Number(from), Number(to)] : null;
    this.name = RANGES[range] ? range : usual;
    this.usual = usual;
    this.element = h("span");
    this.paint();
  }

  paint() {
    const back = this.fixed && h("button.button", { type: "button", onclick: () => this.choose(this.name) }, "Whole range");
    this.element.replaceChildren(...[back, choice("Time range", this.names.map((name) => [name, TEXT[name]]), this.fixed ? "" : this.name, (name) => this.choose(name))].filter(Boolean));
    this.element.className = "range";
  }

  get span() {
    if (this.fixed) return { from: this.fixed[0], to: this.fixed[1] };
    const to = Math.ceil(Date.now() / 60e3) * 60e3;
    return { from: to - RANGES[this.name], to };
  }

  get query() {
    return this.fixed ? { from: this.fixed[0], to: this.fixed[1] } : { range: this.name === this.usual ? "" : this.name };
  }

  choose(name) {
    this.fixed = null;
    this.name = name;
    this.told();
  }

  zoom([from, to]) {
    this.fixed = [from, Math.max(to, from + 5 * 60e3)];
    this.told();
  }

  told() {
    this.view.query = Object.fromEntries(Object.entries({ ...this.view.query, range: "", from: "", to: "", ...this.query }).filter(([, value]) => value !== ""));
    this.view.setQuery(this.view.query);
    this.paint();
    this.changed();
  }
}

// Columns of an answer as rows.
export function rowsOf(columns) {
  const names = Object.keys(columns ?? {});
  return names.length ? columns[names[0]].map((_, index) => Object.fromEntries(names.map((name) => [name, columns[name][index]]))) : [];
}
