// Battery health: how the fleet's packs stand, how they change, and which are worst.
import { ask } from "../lib/api.js";
import { Chart, bars, histogram } from "../lib/chart.js";
import { empty, h, panel, replace, select } from "../lib/dom.js";
import { amount, number } from "../lib/format.js";
import { Range, rowsOf } from "../lib/range.js";
import { Table } from "../lib/table.js";
import { cards, quantile } from "../lib/summary.js";

const COLUMNS = [
  { key: "vehicle", title: "Vehicle", write: (row) => h("a", { href: `/vehicles/${row.vehicle_id}?signals=soh_pct,cell_v_min,cell_v_max,pack_temp_max_c` }, row.vehicle_id), sort: (row) => row.vehicle_id },
  { key: "model", title: "Model", write: (row) => row.model, sort: (row) => row.model },
  { key: "soh", title: "Health", unit: "%", number: true, hint: "State of health: capacity left against new", write: (row) => amount(row.soh_pct, "%", 1), sort: (row) => row.soh_pct },
  { key: "capacity", title: "Capacity", unit: "kWh", number: true, hint: "Measured: slope of net energy over the state of charge", write: (row) => amount(row.capacity_kwh, "kWh", 1), sort: (row) => row.capacity_kwh },
  { key: "resistance", title: "Resistance", unit: "mΩ", number: true, write: (row) => amount(row.resistance_mohm, "mΩ", 0), sort: (row) => row.resistance_mohm },
  { key: "spread", title: "Cell spread", unit: "mV", number: true, hint: "Highest of the day between highest and lowest cell", write: (row) => amount(row.max_spread_mv, "mV"), sort: (row) => row.max_spread_mv },
  { key: "weakest", title: "Weakest cell", number: true, write: (row) => (row.weakest_cell == null ? "\u2013" : `no. ${row.weakest_cell}, ${amount(row.weakest_cell_v, "V", 3)}`), sort: (row) => row.weakest_cell_v },
  { key: "temp", title: "Hottest", unit: "°C", number: true, write: (row) => amount(row.max_temp_c, "°C", 1), sort: (row) => row.max_temp_c },
  { key: "isolation", title: "Isolation", unit: "kΩ", number: true, write: (row) => amount(row.isolation_kohm, "kΩ"), sort: (row) => row.isolation_kohm },
  { key: "cycles", title: "Cycles", number: true, hint: "Full cycles over the pack's life", write: (row) => number(row.lifetime_cycles), sort: (row) => row.lifetime_cycles },
  { key: "date", title: "Day", number: true, write: (row) => row.date, sort: (row) => row.date },
];

export function show(root, view) {
  let rows = [], model = view.query.model ?? "";
  const range = new Range(view, ["7d", "30d", "90d"], "30d", load);
  const table = new Table(COLUMNS, { id: (row) => row.vehicle_id, sort: "soh", choose: (row) => view.go(`/vehicles/${row.vehicle_id}`), nothing: "No vehicle matches", label: "Vehicles by battery health" });
  const health = h(".panel-body"), spread = h(".panel-body"), trend = h(".panel-body"), top = h(".top"), models = h("span"), body = h(".stack");
  const chart = new Chart({ height: 190, label: "Mean state of health by day", zoomed: (span) => range.zoom(span) });

  replace(root, h(".head", {}, h("h1", {}, "Battery health"), h(".tools", {}, models, range.element, table.downloader("battery-health"))), body);

  function paint(days) {
    const shown = rows.filter((row) => !model || row.model === model), known = shown.filter((row) => row.soh_pct != null), spreads = shown.filter((row) => row.max_spread_mv != null);
    replace(top, cards([
      ["Packs", number(shown.length), "", `${number(known.length)} report their health`],
      ["Median health", number(quantile(known.map((row) => row.soh_pct), 0.5), 1), "%", "state of health"],
      ["Below 80 %", number(known.filter((row) => row.soh_pct < 80).length), "", "a usual warranty's limit", known.some((row) => row.soh_pct < 80) ? "warm" : ""],
      ["Median cell spread", number(quantile(spreads.map((row) => row.max_spread_mv), 0.5)), "mV", "highest of the day"],
      ["Spread above 100 mV", number(spreads.filter((row) => row.max_spread_mv > 100).length), "", "cells drift apart", spreads.some((row) => row.max_spread_mv > 100) ? "bad" : ""],
      ["Hottest pack", number(Math.max(...shown.map((row) => row.max_temp_c ?? -Infinity), -Infinity) === -Infinity ? null : Math.max(...shown.map((row) => row.max_temp_c ?? -Infinity)), 1), "°C", "hottest probe of the day"],
    ]));
    replace(health, known.length ? bars(histogram(known.map((row) => row.soh_pct), 60, 104, 22).map((one) => ({ name: number(one.from), value: one.value, tone: one.to <= 70 ? "bad" : one.to <= 80 ? "warm" : "", title: `${number(one.from)} to ${number(one.to)} %: ${one.value} packs` })), { label: "Packs by state of health in percent", every: 2, width: 420, height: 220 }) : empty("No state of health yet", "It comes once a minute with telemetry, and is kept by the day"));
    replace(spread, spreads.length ? bars(histogram(spreads.map((row) => row.max_spread_mv), 0, 200, 20).map((one) => ({ name: number(one.from), value: one.value, tone: one.from >= 100 ? "bad" : one.from >= 50 ? "warm" : "", title: `${number(one.from)} to ${number(one.to)} mV: ${one.value} packs` })), { label: "Packs by cell spread in millivolts", every: 2, width: 420, height: 220 }) : empty("No cell voltages yet", "They come with telemetry"));
    table.show(shown);
    replace(trend, chart.element);
    const there = days.filter((day) => day.soh_pct != null);
    there.length ? chart.show(there.map((day) => Date.parse(day.date)), [{ label: "mean", values: there.map((day) => day.soh_pct), unit: "%", digits: 2, points: true }, { label: "lowest twentieth", values: there.map((day) => day.soh_low_pct), unit: "%", digits: 2, points: true, hue: "--amber" }]) : replace(trend, empty("No days yet", "A day appears when its first telemetry is in gold"));
  }
  async function load() {
    const found = await ask("/api/battery", range.span);
    rows = rowsOf(found.vehicles);
    const names = [...new Set(rows.map((row) => row.model))].sort();
    replace(models, select("Model", [["", "All models"], ...names.map((name) => [name, name])], model, (value) => { model = value; view.query = { ...view.query, model }; view.setQuery(view.query); paint(rowsOf(found.days)); }));
    if (!rows.length) return replace(body, h(".panel", {}, empty("No battery days in this range", "gold.battery_daily gets a row for each vehicle and day once its telemetry is in gold")));
    replace(body, top, h(".grid", {}, panel("Packs by state of health, %", { span: 4 }, health), panel("Packs by cell spread, mV", { span: 4 }, spread), panel("Health by day", { span: 4 }, trend)), panel("Vehicles, worst health first", { name: "tall" }, table.element));
    paint(rowsOf(found.days));
  }
  load();
  return () => chart.end();
}
