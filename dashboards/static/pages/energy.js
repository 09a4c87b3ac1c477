// Energy: what a kilometre costs, by model, by outside temperature and by day.
import { ask } from "../lib/api.js";
import { Chart, bars } from "../lib/chart.js";
import { empty, h, panel, replace } from "../lib/dom.js";
import { amount, number } from "../lib/format.js";
import { Range, rowsOf } from "../lib/range.js";
import { cards, sum } from "../lib/summary.js";
import { Table } from "../lib/table.js";
import { tripTable } from "./vehicle.js";

// Models down, classes of five degrees across; stronger colour where a kilometre costs more.
function matrix(rows) {
  const classes = [...new Set(rows.map((row) => row.from_c))].sort((one, other) => one - other), models = [...new Set(rows.map((row) => row.model))].sort();
  const most = Math.max(...rows.map((row) => row.wh_per_km ?? 0), 1), least = Math.min(...rows.map((row) => row.wh_per_km ?? Infinity));
  const cell = (model, from) => {
    const row = rows.find((one) => one.model === model && one.from_c === from);
    if (row?.wh_per_km == null) return h("td.number.muted", {}, "\u2013");
    return h("td.number.warmth", { title: `${number(row.distance_km)} km`, style: { "--share": `${Math.round((45 * (row.wh_per_km - least)) / Math.max(1, most - least))}%` } }, number(row.wh_per_km));
  };
  return h(".table-scroll", { tabIndex: 0, role: "region", "aria-label": "Consumption by model and outside temperature" }, h("table.table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", {}, "Model")), classes.map((from) => h("th.number", { scope: "col" }, h("span", {}, `${number(from)} to ${number(from + 5)} °C`))))),
    h("tbody", {}, models.map((model) => h("tr", {}, h("th", { scope: "row" }, h("span", {}, model)), classes.map((from) => cell(model, from)))))));
}

export function show(root, view) {
  const range = new Range(view, ["24h", "7d", "30d", "90d"], "30d", load);
  const trips = tripTable([{ key: "vehicle", title: "Vehicle", write: (row) => h("a", { href: `/vehicles/${row.vehicle_id}` }, row.vehicle_id), sort: (row) => row.vehicle_id }, { key: "model", title: "Model", write: (row) => row.model, sort: (row) => row.model }]);
  trips.nothing = "No trip in this range";
  const models = new Table([
    { key: "model", title: "Model", write: (row) => row.model, sort: (row) => row.model },
    { key: "vehicles", title: "Vehicles", number: true, write: (row) => number(row.vehicles), sort: (row) => row.vehicles },
    { key: "distance", title: "Distance", unit: "km", number: true, write: (row) => amount(row.distance_km, "km"), sort: (row) => row.distance_km },
    { key: "wh", title: "Consumption", unit: "Wh/km", number: true, write: (row) => amount(row.wh_per_km, "Wh/km"), sort: (row) => row.wh_per_km },
    { key: "recovered", title: "Recovered", unit: "%", number: true, hint: "Share of the energy drawn that braking gave back", write: (row) => amount(row.recovered_share == null ? null : 100 * row.recovered_share, "%"), sort: (row) => row.recovered_share },
  ], { id: (row) => row.model, sort: "distance", down: true, nothing: "No model", label: "Consumption by model" });
  const body = h(".stack"), chart = new Chart({ height: 200, label: "Consumption by day", zoomed: (span) => range.zoom(span) });
  replace(root, h(".head", {}, h("h1", {}, "Energy"), h(".tools", {}, range.element, trips.downloader("trips"))), body);

  async function load() {
    const found = await ask("/api/energy", range.span), byModel = rowsOf(found.models), warmth = rowsOf(found.temperatures), days = rowsOf(found.days);
    if (!found.total) return replace(body, h(".panel", {}, empty("No trip in this range", "gold.trips gets a row when a vehicle has driven")));
    const km = sum(byModel.map((row) => row.distance_km)), wh = sum(byModel.map((row) => row.wh_per_km * row.distance_km));
    const classes = [...new Set(warmth.map((row) => row.from_c))].sort((one, other) => one - other).map((from) => {
      const rows = warmth.filter((row) => row.from_c === from), distance = sum(rows.map((row) => row.distance_km));
      return { name: `${number(from)}`, value: distance ? sum(rows.map((row) => row.wh_per_km * row.distance_km)) / distance : null, title: `${number(from)} to ${number(from + 5)} °C: ${number(sum(rows.map((row) => row.wh_per_km * row.distance_km)) / distance)} Wh/km over ${number(distance)} km` };
    });
    replace(body, cards([
      ["Consumption", number(km ? wh / km : null), "Wh/km", "all trips, by distance"],
      ["Distance", number(km), "km", `${number(found.total)} trips`],
      ["Energy", number(wh / 1000), "kWh", "drawn less recovered"],
      ["Most frugal model", byModel.filter((row) => row.model !== "unknown").sort((one, other) => one.wh_per_km - other.wh_per_km)[0]?.model ?? "\u2013", "", "by Wh/km, as the registry names models"],
    ]), h(".grid", {}, panel("By outside temperature, Wh/km", { span: 6 }, h(".panel-body", {}, classes.length ? bars(classes, { unit: "Wh/km", label: "Consumption in watt hours a kilometre by outside temperature in degrees Celsius" }) : empty("No outside temperature", "These trips lack it"))), panel("By day", { span: 6 }, h(".panel-body", {}, chart.element))),
      panel("By model and outside temperature, Wh/km", { name: "short" }, matrix(warmth)),
      panel("By model", { name: "short", tools: models.downloader("consumption-by-model") }, models.element), panel("Trips", { name: "tall" }, trips.element));
    chart.show(days.map((day) => Date.parse(day.date)), [{ label: "consumption", values: days.map((day) => day.wh_per_km), unit: "Wh/km", digits: 0, points: true }, { label: "distance", values: days.map((day) => day.distance_km), unit: "km", digits: 0, bars: true, hue: "--parked" }]);
    models.show(byModel);
    trips.show(rowsOf(found.trips));
  }
  load();
  return () => chart.end();
}
