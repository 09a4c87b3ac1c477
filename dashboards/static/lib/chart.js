// Lines over time, drawn by uPlot in the theme's colours; drag to zoom, double click for the whole range.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { h, s } from "./dom.js";
import { number } from "./format.js";

export const HUES = ["--driving", "--charging", "--amber", "--alert", "--parked", "--accent"];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = new Set();
addEventListener("themechange", () => charts.forEach((chart) => chart.redraw()));

// times: ms; lines: [{label, values, unit, digits, hue, low, high}]; zoomed([from, to]) is told in ms.
export class Chart {
  constructor({ height = 200, zoomed, group, label }) {
    this.element = h(".chart", { role: "img", "aria-label": label });
    Object.assign(this, { height, zoomed, group });
    this.sized = new ResizeObserver(() => this.plot && this.element.clientWidth && this.plot.setSize({ width: this.element.clientWidth, height: this.height }));
    this.sized.observe(this.element);
    charts.add(this);
  }

  show(times, lines) {
    this.shown = [times, lines];
    this.plot?.destroy();
    const seconds = times.map((ms) => ms / 1000), band = lines.length === 1 && lines[0].low;
    const series = [{ value: (_, at) => (at == null ? "\u2013" : new Date(at * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" })) }], data = [seconds];
    const write = (line) => (_, value) => (value == null ? "\u2013" : `${number(value, line.digits ?? 1)} ${line.unit}`);
    lines.forEach((line, index) => {
      const hue = colour(line.hue ?? HUES[index % HUES.length]);
      series.push({ label: line.label, stroke: hue, width: 1.75, points: { show: line.points ?? false, size: 4 }, value: write(line), spanGaps: line.spanGaps ?? false, scale: line.unit, paths: line.bars ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined, fill: line.bars ? `${hue}99` : undefined });
      data.push(line.values);
    });
    if (band) {
      const hue = colour(lines[0].hue ?? HUES[0]);
      series.push({ label: "lowest", stroke: "transparent", points: { show: false }, value: write(lines[0]), scale: lines[0].unit }, { label: "highest", stroke: "transparent", points: { show: false }, value: write(lines[0]), scale: lines[0].unit });
      data.push(lines[0].low, lines[0].high);
      this.bands = [{ series: [3, 2], fill: `${hue}2b` }];
    } else this.bands = [];
    const units = [...new Set(lines.map((line) => line.unit))];
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--edge"), width: 1 }, ticks: { show: false }, font: "11px Inter, system-ui, sans-serif" };
    const axes = [{ ...axis, size: 30, values: (_, ticks, __, ___, step) => ticks.map((at) => tick(at, step)) },
      ...units.slice(0, 2).map((unit, index) => ({ ...axis, scale: unit, side: index ? 1 : 3, grid: { ...axis.grid, show: !index }, size: 58, values: (_, ticks) => ticks.map((value) => `${number(value, Math.abs(value) < 10 && value % 1 ? (Math.abs(value) < 0.1 ? 3 : 1) : 0)}`), label: unit, labelSize: 16, labelFont: axis.font, labelGap: 0 }))];
    const cursor = { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, sync: this.group ? { key: this.group } : undefined };
    const hooks = { setSelect: [(plot) => {
      if (plot.select.width < 4) return;
      const [from, to] = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
      plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      this.zoomed ? this.zoomed([Math.round(from * 1000), Math.round(to * 1000)]) : plot.setScale("x", { min: from, max: to });
    }] };
    this.plot = new uPlot({ width: Math.max(200, this.element.clientWidth), height: this.height, series, axes, cursor, hooks, bands: this.bands, scales: { x: { time: true, range: (_, from, to) => (to - from < 60 ? [from - 43200, to + 43200] : [from, to]) } }, legend: { live: true } }, data, this.element);
  }

  redraw() {
    if (this.shown) this.show(...this.shown);
  }

  end() {
    charts.delete(this);
    this.sized.disconnect();
    this.plot?.destroy();
  }
}

function tick(at, step) {
  const time = new Date(at * 1000), two = (value) => String(value).padStart(2, "0");
  if (step >= 86400 || (time.getHours() === 0 && time.getMinutes() === 0)) return `${two(time.getDate())} ${time.toLocaleString("en", { month: "short" })}`;
  return step < 60 ? `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}` : `${two(time.getHours())}:${two(time.getMinutes())}`;
}

// Bars of named or numbered classes as SVG: [{name, value, tone, title}].
export function bars(items, { unit = "", height = 200, width = 640, label, digits = 0, every = 1 }) {
  if (innerWidth < 600) [width, every] = [Math.min(width, 380), items.length > 10 ? Math.max(every, 2) : every];
  const left = 46, bottom = 26, top = 10, most = nice(Math.max(...items.map(({ value }) => value ?? 0), 1e-9));
  const room = (width - left) / Math.max(1, items.length), y = (value) => top + (height - top - bottom) * (1 - value / most);
  return s("svg.bars", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    [0, 0.5, 1].map((share) => [s("line", { x1: left, x2: width, y1: y(share * most), y2: y(share * most) }), s("text", { x: left - 6, y: y(share * most) + 4, "text-anchor": "end" }, number(share * most, most < 5 ? 1 : 0))]),
    items.map(({ name, value, tone, title }, index) => value == null ? null : [
      s(`rect${tone ? `.is-${tone}` : ""}`, { x: left + index * room + room * 0.12, y: y(value), width: Math.max(1, room * 0.76), height: Math.max(0, height - bottom - y(value)), rx: 2 }, s("title", {}, title ?? `${name}: ${number(value, digits)} ${unit}`)),
      index % every ? null : s("text", { x: left + (index + 0.5) * room, y: height - 8, "text-anchor": "middle" }, name)]));
}

function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((limit) => limit >= value);
}

// Values into classes of equal width.
export function histogram(values, from, to, count) {
  const found = Array.from({ length: count }, (_, index) => ({ from: from + ((to - from) * index) / count, to: from + ((to - from) * (index + 1)) / count, value: 0 }));
  for (const value of values) if (value != null) found[Math.max(0, Math.min(count - 1, Math.floor(((value - from) / (to - from)) * count)))].value++;
  return found;
}
