// A table of any length: only the rows in view are in the document. Sortable, selectable, downloadable.
import { h, icon, replace } from "./dom.js";

const ROW_PX = 37, MARGIN_ROWS = 12;

// A column: {key, title, write(row) -> text or node, sort(row) -> value, number, csv(row), hint}.
export class Table {
  constructor(columns, { id, sort, down = false, choose, nothing = "Nothing to show", label, check }) {
    Object.assign(this, { columns, id, sorted: sort ?? null, down, choose, nothing, rows: [], chosen: null, checked: new Set(), check, loaded: false });
    this.head = h("tr");
    this.body = h("tbody", { onclick: (event) => this.click(event), onkeydown: (event) => event.key === "Enter" && event.target.matches("tr") && this.click(event) });
    this.scroller = h(".table-scroll", { tabIndex: 0, role: "region", "aria-label": label, onscroll: () => this.paint() }, h("table.table", {}, h("thead", {}, this.head), this.body));
    this.element = this.scroller;
    this.paintHead();
    new ResizeObserver(() => this.paint()).observe(this.scroller);
  }

  paintHead() {
    const all = this.check && h("th", { scope: "col" }, h("span", {}, h("input", { type: "checkbox", "aria-label": "Select all rows", checked: this.rows.length > 0 && this.rows.every((row) => this.checked.has(this.id(row))), onchange: (event) => {
      this.checked = new Set(event.target.checked ? this.rows.map(this.id) : []);
      this.check(this.checked);
      this.paint();
    } })));
    replace(this.head, all, this.columns.map((column) => {
      const sort = this.sorted === column.key ? (this.down ? "descending" : "ascending") : null;
      return h(`th${column.number ? ".number" : ""}`, { scope: "col", title: column.hint, "aria-sort": sort },
        column.sort ? h("button", { type: "button", onclick: () => this.sortBy(column.key) }, column.title) : h("span", {}, column.title));
    }));
  }

  sortBy(key) {
    this.down = this.sorted === key ? !this.down : Boolean(this.columns.find((column) => column.key === key).number);
    this.sorted = key;
    this.show(this.rows);
    this.paintHead();
  }

  show(rows) {
    const column = this.columns.find(({ key }) => key === this.sorted);
    this.rows = rows;
    this.loaded = true;
    if (column?.sort) {
      const way = this.down ? -1 : 1;
      const keyed = rows.map((row) => [column.sort(row), row]);
      const lacks = (value) => value == null || Number.isNaN(value);
      keyed.sort(([one], [other]) => (lacks(one) ? (lacks(other) ? 0 : 1) : lacks(other) ? -1 : one < other ? -way : one > other ? way : 0));
      this.rows = keyed.map(([, row]) => row);
    }
    this.paint();
  }

  paint() {
    const visible = Math.ceil((this.scroller.clientHeight || 400) / ROW_PX) + 2 * MARGIN_ROWS;
    const first = Math.max(0, Math.min(Math.floor(this.scroller.scrollTop / ROW_PX) - MARGIN_ROWS, this.rows.length - visible));
    const last = Math.min(this.rows.length, first + visible);
    const width = this.columns.length + (this.check ? 1 : 0);
    if (!this.rows.length) {
      replace(this.body, h("tr.filler", {}, h("td", { colSpan: width }, h(".empty", {}, this.loaded ? this.nothing : "Loading\u2026"))));
      return;
    }
    const gap = (rows) => h("tr.filler", { "aria-hidden": "true" }, h("td", { colSpan: width, style: { "--gap": `${rows * ROW_PX}px` } }));
    const focused = document.activeElement?.closest?.("tr[data-id]")?.dataset.id;
    const box = document.activeElement?.type === "checkbox";
    replace(this.body, first > 0 && gap(first), this.rows.slice(first, last).map((row) => this.row(row)), last < this.rows.length && gap(this.rows.length - last));
    if (focused && this.body.isConnected) {
      const again = this.body.querySelector(`tr[data-id="${CSS.escape(focused)}"]`);
      (box ? again?.querySelector("input") : again)?.focus({ preventScroll: true });
    }
  }

  row(row) {
    const id = this.id(row);
    const box = this.check && h("td", {}, h("input", { type: "checkbox", checked: this.checked.has(id), "aria-label": `Select ${id}`, onchange: (event) => {
      event.target.checked ? this.checked.add(id) : this.checked.delete(id);
      this.check(this.checked);
    } }));
    return h(`tr${id === this.chosen ? ".is-on" : ""}`, { dataset: { id }, tabIndex: this.choose ? 0 : -1, "aria-selected": null }, box,
      this.columns.map((column) => h(`td${column.number ? ".number" : ""}${column.class ? `.${column.class}` : ""}`, {}, column.write(row))));
  }

  click(event) {
    if (event.target.closest("a, button, input, label")) return;
    const id = event.target.closest("tr[data-id]")?.dataset.id;
    const row = id !== undefined && this.rows.find((one) => String(this.id(one)) === id);
    if (row && this.choose) this.choose(row);
  }

  csv() {
    const cell = (value) => (value == null || Number.isNaN(value) ? "" : /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : /^[=+\-@\t]/.test(String(value)) && typeof value === "string" ? `'${value}` : String(value));
    const kept = this.columns.filter((column) => column.csv || column.sort);
    const lines = [kept.map((column) => cell(column.unit ? `${column.title} (${column.unit})` : column.title)), ...this.rows.map((row) => kept.map((column) => cell((column.csv ?? column.sort)(row))))];
    return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
  }

  downloader(name) {
    return h("button.button", { type: "button", title: "Download as CSV", onclick: () => save(`${name}.csv`, this.csv()) }, icon("download"), "CSV");
  }
}

export function save(name, text) {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
