// Charging: energy by day, the power curve of direct current, where vehicles charge, and every session.
import { ask } from "../lib/api.js";
import { Chart, bars } from "../lib/chart.js";
import { empty, h, panel, replace } from "../lib/dom.js";
import { amount, duration, number } from "../lib/format.js";
import { live } from "../lib/live.js";
import { Range, rowsOf } from "../lib/range.js";
import { cards, quantile, sum } from "../lib/summary.js";
import { Table } from "../lib/table.js";
import { sessionTable } from "./vehicle.js";

export function show(root, view) {
  const range = new Range(view, ["24h", "7d", "30d", "90d"], "30d", load);
  const vehicle = { key: "vehicle", title: "Vehicle", write: (row) => h("a", { href: `/vehicles/${row.vehicle_id}?from=${row.start_ts - 600e3}&to=${(row.end_ts ?? row.start_ts) + 600e3}&signals=soc_pct,pack_w,pack_temp_max_c,dc_charge_a` }, row.vehicle_id), sort: (row) => row.vehicle_id };
  const table = sessionTable([vehicle, { key: "model", title: "Model", write: (row) => row.model, sort: (row) => row.model }]);
  table.nothing = "No session in this range";
  const places = new Table([
    { key: "place", title: "Place", write: (row) => `${number(row.lat, 3)}°, ${number(row.lon, 3)}°`, sort: (row) => row.lat },
    { key: "sessions", title: "Sessions", number: true, write: (row) => number(row.sessions), sort: (row) => row.sessions },
    { key: "vehicles", title: "Vehicles", number: true, write: (row) => number(row.vehicles), sort: (row) => row.vehicles },
    { key: "energy", title: "Energy", unit: "kWh", number: true, write: (row) => amount(row.energy_kwh, "kWh", 1), sort: (row) => row.energy_kwh },
    { key: "peak", title: "Peak", unit: "kW", number: true, write: (row) => amount(row.peak_kw, "kW"), sort: (row) => row.peak_kw },
  ], { id: (row) => `${row.lat}/${row.lon}`, sort: "energy", down: true, nothing: "No place is known", label: "Places where vehicles charge" });
  const now = h("span.chip", {}), body = h(".stack"), days = h(".panel-body");
  const curve = new Chart({ height: 200, label: "Power of direct current by state of charge" });
  replace(root, h(".head", {}, h("h1", {}, "Charging"), now, h(".tools", {}, range.element, table.downloader("charging-sessions"))), body);

  function second() {
    if (live.figures) now.textContent = `${number(live.figures.counts.charging ?? 0)} vehicles charge now with ${amount(live.figures.charging_kw, "kW", 1)}`;
  }
  async function load() {
    const found = await ask("/api/charging", range.span), rows = rowsOf(found.sessions), byDay = rowsOf(found.days), points = rowsOf(found.curve);
    if (!rows.length) return replace(body, h(".panel", {}, empty("No charging session in this range", "gold.charging_sessions gets a row when a cable is plugged in")));
    const dates = [...new Set(byDay.map((day) => day.date))];
    const dc = rows.filter((row) => (row.current ?? "").toLowerCase() === "dc");
    replace(body, cards([
      ["Sessions", number(found.total), "", `${number(dc.length)} of the listed with direct current`],
      ["Energy", number(sum(byDay.map((day) => day.energy_kwh))), "kWh", "into the packs"],
      ["Median session", number(quantile(rows.map((row) => row.energy_kwh), 0.5), 1), "kWh", "energy"],
      ["Median time", duration((quantile(rows.map((row) => row.duration_s), 0.5) ?? 0) / 60), "", "plugged in"],
      ["Idle share", number(100 * sum(rows.map((row) => row.idle_s)) / Math.max(1, sum(rows.map((row) => row.duration_s)))), "%", "plugged in, full or stopped"],
      ["Highest power", number(Math.max(...rows.map((row) => row.peak_kw ?? 0)), 1), "kW", "of a session"],
    ]), h(".grid", {}, panel("Energy by day, kWh", { span: 6 }, days), panel("Direct current: power by charge, kW", { span: 6 }, h(".panel-body", {}, points.length > 1 ? curve.element : empty("No direct current in this range", "The curve is the mean of such sessions")))),
      h(".grid", {}, panel("Sessions", { span: 8, name: "tall" }, table.element), panel("Places", { span: 4, name: "tall", tools: places.downloader("charging-places") }, places.element)));
    replace(days, bars(dates.map((date) => ({ name: date.slice(5), value: sum(byDay.filter((day) => day.date === date).map((day) => day.energy_kwh)) })), { unit: "kWh", label: "Energy charged by day in kilowatt hours", every: Math.ceil(dates.length / 12) }));
    if (points.length > 1) curveOf(points);
    table.show(rows);
    places.show(rowsOf(found.chargers));
  }
  function curveOf(points) {
    const box = curve.element;
    replace(box, bars(points.map((point) => ({ name: number(point.soc_pct), value: point.kw, title: `${number(point.soc_pct)} %: mean ${number(point.kw, 1)} kW, nine of ten below ${number(point.high_kw, 1)} kW (${point.sessions} sessions)` })), { unit: "kW", digits: 1, label: "Mean power in kilowatts by state of charge in percent", every: 2 }));
  }
  live.addEventListener("figures", second);
  live.show({});
  second();
  load();
  return () => { live.removeEventListener("figures", second); curve.end(); };
}
