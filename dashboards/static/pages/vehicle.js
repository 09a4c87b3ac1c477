// One vehicle: live gauges, any signals over a time range, cells, trips and charges, alerts, features with their age, scores.
import { alertItem } from "../lib/alert_item.js";
import { address, ask } from "../lib/api.js";
import { Chart } from "../lib/chart.js";
import { empty, h, icon, panel, replace } from "../lib/dom.js";
import { STATES } from "../lib/fleet_store.js";
import { age, amount, duration, moment, number, reading, shownUnit, signalTitle, title, words } from "../lib/format.js";
import { live } from "../lib/live.js";
import { Range, rowsOf } from "../lib/range.js";
import { Table } from "../lib/table.js";
import { heat } from "../lib/heat.js";

const GAUGES = [["soc_pct", "Charge", 0, 100], ["speed_kmh", "Speed", 0, 160], ["pack_w", "Power", -120e3, 120e3], ["pack_temp_c", "Pack", -10, 60], ["range_m", "Range", 0, 500e3], ["pack_v", "Voltage", 300, 450]];
const USUAL = "soc_pct,pack_w,pack_temp_max_c,speed_kmh";
const MOST = 8;

export async function show(root, view) {
  const name = view.name;
  const [catalogue, known] = await Promise.all([ask("/api/signals"), ask(`/api/vehicles/${encodeURIComponent(name)}`)]);
  const units = Object.fromEntries(catalogue.map((signal) => [signal.name, signal.unit]));
  const says = Object.fromEntries(catalogue.map((signal) => [signal.name, signal.says]));
  let signals = (view.query.signals ?? USUAL).split(",").filter((one) => catalogue.some((signal) => signal.name === one && signal.charted)).slice(0, MOST);
  let current = known.current.values ?? {}, currentMs = known.current.event_ms ?? null, charts = [];
  const range = new Range(view, ["1h", "6h", "24h", "7d", "30d"], "24h", load);
  const state = h("span.state.chip", {}, "\u2013"), source = h("span.note");
  const gauges = gaugeRow(), chartBox = h(".charts"), timing = h("span.note.small");
  const features = h("div"), windows = h(".windows"), scores = h(".scores"), cells = h(".cells"), alerts = h("ul.alert-list.in-panel");
  const trips = tripTable(), sessions = sessionTable();
  const facts = [known.identity.model, known.identity.vin && `VIN ${known.identity.vin}`, known.current.region ?? known.identity.region, ...(known.identity.tags ?? [])].filter(Boolean);
  const picker = h("select.select", { "aria-label": "Add a signal", onchange: () => { signals = [...new Set([...signals, picker.value])].slice(-MOST); keep(); } });

  replace(root, h(".head", {}, h("h1", {}, name), state, facts.map((fact) => h("span.chip", {}, fact)), h(".tools", {}, source, h("a.button", { href: `/?vehicle=${encodeURIComponent(name)}` }, "On the map"))),
    gauges.element,
    panel("Signals", { tools: [timing, picker, range.element, h("a.button", { title: "Download as CSV", onclick: (event) => { event.currentTarget.href = csv(); }, href: "#", download: `${name}-history.csv` }, icon("download"), "CSV")] }, chartBox),
    h(".grid", {},
      panel("Cells", { span: 8 }, cells), panel("Alerts", { span: 4, tools: h("a.small", { href: `/alerts?show=all&q=${encodeURIComponent(name)}` }, "All of this vehicle") }, alerts),
      panel("Trips", { span: 6, name: "short", tools: trips.downloader(`${name}-trips`) }, trips.element), panel("Charging sessions", { span: 6, name: "short", tools: sessions.downloader(`${name}-charging`) }, sessions.element),
      panel("Online features", { span: 8 }, features, windows), panel("Model scores", { span: 4 }, scores)));

  function csv() {
    return address(`/api/vehicles/${encodeURIComponent(name)}/history`, { ...range.span, signals: signals.join(","), format: "csv" });
  }
  function keep() {
    view.query = { ...view.query, signals: signals.join(",") === USUAL ? "" : signals.join(",") };
    view.setQuery(view.query);
    load();
  }
  function paintPicker() {
    replace(picker, h("option", { value: "", disabled: true, selected: true }, "Add a signal"), catalogue.filter((signal) => signal.charted && !signals.includes(signal.name)).map((signal) => h("option", { value: signal.name }, signalTitle(signal.name))));
  }
  async function load() {
    paintPicker();
    if (!signals.length) return replace(chartBox, empty("No signal is chosen", "Add one above"));
    const began = performance.now();
    const found = await ask(`/api/vehicles/${encodeURIComponent(name)}/history`, { ...range.span, signals: signals.join(",") });
    const entry = performance.getEntriesByType("resource").findLast((one) => one.name.includes("/history?"));
    const server = entry?.serverTiming?.find((part) => part.name === "total")?.duration;
    timing.textContent = server ? `${number(server)} ms on the server` : "";
    timing.dataset.serverMs = server ?? "";
    charts.forEach((chart) => chart.end());
    charts = [];
    replace(chartBox, signals.map((signal) => {
      const { factor, unit } = shownUnit(units[signal]), series = found.series[signal], scaled = (values) => values.map((value) => (value == null ? null : value / factor));
      const chart = new Chart({ height: 190, group: "vehicle", zoomed: (span) => range.zoom(span), label: `${signalTitle(signal)} over time` });
      charts.push(chart);
      queueMicrotask(() => chart.show(found.at, [{ label: "mean", values: scaled(series.mean), low: scaled(series.min), high: scaled(series.max), unit: unit || "1", digits: signal.startsWith("cell_v") ? 3 : 1 }]));
      const nothing = series.mean.every((value) => value == null);
      return h("figure.chart-box", { dataset: { signal } }, h("figcaption", {}, h("b", {}, signalTitle(signal)), h("span.muted", {}, says[signal]), nothing && h("span.chip", {}, "no values in this range"), h("button.button.plain", { type: "button", "aria-label": `Remove ${signalTitle(signal)}`, onclick: () => { signals = signals.filter((one) => one !== signal); keep(); } }, icon("close"))), chart.element);
    }));
    root.dataset.painted = String(Math.round(performance.now() - began));
  }
  function gaugeRow() {
    const parts = Object.fromEntries(GAUGES.map(([signal]) => [signal, { value: h("span"), fill: h(".gauge-fill") }]));
    const element = h("section.cards.gauges", { "aria-label": "Live values" }, GAUGES.map(([signal, text]) => h("article.card", { dataset: { gauge: signal } }, h(".card-title", {}, text), h(".card-value", {}, parts[signal].value), h(".gauge", { "aria-hidden": "true" }, parts[signal].fill))));
    const show = () => GAUGES.forEach(([signal, , least, most]) => {
      const value = current[signal], { value: text, fill } = parts[signal];
      const shown = reading(value, units[signal], signal).split("\u00a0");
      replace(text, shown[0], h("span.unit", {}, shown[1] ?? ""));
      const share = (at) => Math.max(0, Math.min(1, (at - least) / (most - least)));
      const [from, to] = value == null ? [0, 0] : least < 0 && signal === "pack_w" ? [Math.min(share(0), share(value)), Math.max(share(0), share(value))] : [0, share(value)];
      fill.style.marginLeft = `${from * 100}%`;
      fill.style.width = `${(to - from) * 100}%`;
      fill.classList.toggle("is-in", signal === "pack_w" && value > 0);
    });
    return { element, show };
  }
  function paintNow() {
    const told = live.vehicle;
    const fresh = told && told.event_ms != null && told.event_ms >= (currentMs ?? 0);
    if (fresh) {
      currentMs = told.event_ms;
      if (told.windows) paintWindows();
      current = { ...current, ...Object.fromEntries(Object.entries(told.values).filter(([, value]) => value != null)) };
    }
    const place = live.fleet.place.get(name), nowMs = Date.now() - live.fleet.leadMs;
    if (place !== undefined) {
      state.textContent = title(STATES[live.fleet.state[place]]);
      state.className = `state chip state-${STATES[live.fleet.state[place]]}`;
    }
    source.textContent = currentMs ? `from ${fresh || told?.event_ms === currentMs ? "the online store" : "gold"}, ${age((nowMs - currentMs) / 1000)} old` : "no frame yet";
    gauges.show();
    const shown = told ? Object.entries(told.values) : [];
    replace(features, shown.length ? h("dl.dl.features", {}, shown.map(([feature, value]) => [h("dt", { title: says[feature] }, signalTitle(feature)), h("dd", {}, reading(value, units[feature] ?? "", feature), h("span.feature-age", {}, value == null ? "" : age((nowMs - (told.ages?.[feature] ?? told.event_ms)) / 1000)))])) : h(".empty", {}, h("strong", {}, "Nothing online yet"), "The live flow has not written this vehicle's features"));
  }
  const OPEN = new Set();
  function paintWindows() {
    const views = Object.entries(live.vehicle?.windows ?? {}), nowMs = Date.now() - live.fleet.leadMs;
    if (!views.length) return;
    replace(windows, views.map(([view, one]) => {
      const known = Object.entries(one.features).filter(([, value]) => value != null);
      return h("details", { open: OPEN.has(view), ontoggle: (event) => (event.target.open ? OPEN.add(view) : OPEN.delete(view)) }, h("summary", {}, `${words(view)}: ${known.length} of ${Object.keys(one.features).length} features known, `, h("span.muted", {}, one.event_ms == null ? "never written" : `${age((nowMs - one.event_ms) / 1000)} old`)),
        h("dl.dl.features", {}, known.map(([feature, value]) => [h("dt", {}, words(feature)), h("dd", {}, number(value, Math.abs(value) < 100 ? 2 : 0), h("span.feature-age", {}, age((nowMs - one.event_ms) / 1000)))])));
    }));
  }
  function paintScores() {
    replace(scores, known.scores.length ? h("dl.dl.in-body", {}, known.scores.map((score) => [h("dt", {}, words(score.model), h("span.chip", {}, `v${score.version}`)), h("dd", { title: moment(score.event_ts) }, amount(score.value, score.unit, 2))])) : empty("No score yet", "A model scores when its features are fresh"));
  }
  function paintAlerts() {
    const mine = [...live.alerts.values()].filter((alert) => alert.vehicle_id === name).sort((one, other) => other.raised_ts - one.raised_ts);
    replace(alerts, mine.length ? mine.slice(0, 20).map(alertItem) : h("li.empty", {}, h("strong", {}, "No alert"), "none in the last day"));
  }
  async function loadCells() {
    const { cells: found } = await ask(`/api/vehicles/${encodeURIComponent(name)}/cells`);
    replace(cells, found ? heat(found) : empty("No cell voltages yet", "This vehicle has not reported its cells in the last minutes"));
  }
  async function loadSpans() {
    const query = { from: Date.now() - 30 * 86400e3, to: Date.now() };
    const [driven, charged] = await Promise.all([ask(`/api/vehicles/${encodeURIComponent(name)}/trips`, query), ask(`/api/vehicles/${encodeURIComponent(name)}/sessions`, query)]);
    trips.show(rowsOf(driven));
    sessions.show(rowsOf(charged));
  }
  const heard = [["vehicle", paintNow], ["figures", paintNow], ["alerts", paintAlerts]];
  heard.forEach(([what, hear]) => live.addEventListener(what, hear));
  live.show({ vehicle: name, fleet: true });
  paintNow();
  paintAlerts();
  paintScores();
  const timer = setInterval(async () => { loadCells().catch(() => {}); known.scores = (await ask(`/api/vehicles/${encodeURIComponent(name)}`).catch(() => known)).scores; paintScores(); }, 15e3);
  await Promise.all([load(), loadCells(), loadSpans()]);
  return () => {
    clearInterval(timer);
    charts.forEach((chart) => chart.end());
    heard.forEach(([what, hear]) => live.removeEventListener(what, hear));
  };
}

export function tripTable(first = []) {
  return new Table([...first,
    { key: "start", title: "Start", write: (row) => h("a", { href: `/vehicles/${row.vehicle_id ?? ""}?from=${row.start_ts}&to=${(row.end_ts ?? row.start_ts) + 60e3}` }, moment(row.start_ts)), sort: (row) => row.start_ts, csv: (row) => new Date(row.start_ts).toISOString() },
    { key: "duration", title: "Time", unit: "s", number: true, write: (row) => duration(row.duration_s / 60), sort: (row) => row.duration_s },
    { key: "distance", title: "Distance", unit: "km", number: true, write: (row) => amount(row.distance_km, "km", 1), sort: (row) => row.distance_km },
    { key: "wh", title: "Consumption", unit: "Wh/km", number: true, write: (row) => amount(row.wh_per_km, "Wh/km"), sort: (row) => row.wh_per_km },
    { key: "soc", title: "Charge", unit: "%", number: true, write: (row) => `${number(row.start_soc_pct)} \u2192 ${amount(row.end_soc_pct, "%")}`, sort: (row) => row.start_soc_pct },
    { key: "ambient", title: "Outside", unit: "°C", number: true, write: (row) => amount(row.ambient_c, "°C"), sort: (row) => row.ambient_c },
  ], { id: (row) => row.trip_id, sort: "start", down: true, nothing: "No trip in the last 30 days", label: "Trips" });
}

export function sessionTable(first = []) {
  return new Table([...first,
    { key: "start", title: "Start", write: (row) => moment(row.start_ts), sort: (row) => row.start_ts, csv: (row) => new Date(row.start_ts).toISOString() },
    { key: "current", title: "Kind", write: (row) => (row.current ?? "\u2013").toUpperCase(), sort: (row) => row.current },
    { key: "energy", title: "Energy", unit: "kWh", number: true, write: (row) => amount(row.energy_kwh, "kWh", 1), sort: (row) => row.energy_kwh },
    { key: "peak", title: "Peak", unit: "kW", number: true, write: (row) => amount(row.peak_kw, "kW", 1), sort: (row) => row.peak_kw },
    { key: "duration", title: "Time", unit: "s", number: true, write: (row) => duration(row.duration_s / 60), sort: (row) => row.duration_s },
    { key: "soc", title: "Charge", unit: "%", number: true, write: (row) => `${number(row.start_soc_pct)} \u2192 ${amount(row.end_soc_pct, "%")}`, sort: (row) => row.start_soc_pct },
  ], { id: (row) => row.session_id, sort: "start", down: true, nothing: "No charge in the last 30 days", label: "Charging sessions" });
}
