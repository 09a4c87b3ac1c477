// The fleet: figures, map, open alerts and every vehicle, live. The address holds what is chosen and filtered.
import { choice, h, icon, panel, replace, select } from "../lib/dom.js";
import { age, amount, number, title } from "../lib/format.js";
import { STATES } from "../lib/fleet_store.js";
import { live, openAlerts } from "../lib/live.js";
import { chargerLayer, fleetMap, regionLayer } from "../lib/map.js";
import { ask } from "../lib/api.js";
import { rowsOf } from "../lib/range.js";
import { Table } from "../lib/table.js";
import { alertItem } from "../lib/alert_item.js";

const CARDS = [
  ["online", "Vehicles online", (f) => [number(f.online), "", `of ${number(f.vehicles)} known`]],
  ["rate", "Messages into bronze", (f) => [number(f.messages_per_s), "msg/s", "mean of 15 s"]],
  ["soc", "Mean state of charge", (f) => [number(f.mean_soc_pct, 1), "%", "of online vehicles"]],
  ["charging", "Charging power", (f) => [f.vehicles ? number(f.charging_kw, f.charging_kw < 100 ? 1 : 0) : null, "kW", `${f.counts.charging ?? 0} vehicles charge`]],
  ["driving", "Driving power", (f) => [f.vehicles ? number(f.driving_kw, Math.abs(f.driving_kw) < 100 ? 1 : 0) : null, "kW", `${f.counts.driving ?? 0} vehicles drive`]],
  ["alerts", "Alerts open", (f) => [number(f.open_alerts), "", f.open_alerts ? "need a look" : f.open_alerts === null ? "not known yet" : "all quiet"]],
  ["age", "Newest frame", (f) => [age(f.newest_age_s).split("\u00a0")[0], age(f.newest_age_s).split("\u00a0")[1] ?? "", "after its sensor"]],
];

function cards() {
  const parts = CARDS.map(([key, name]) => ({ value: h("span", {}, "\u2013"), unit: h("span.unit"), note: h(".card-note", {}, "\u00a0"), key, name }));
  const boxes = parts.map(({ value, unit, note, key, name }) =>
    h("article.card", { dataset: { card: key } }, h(`.card-title${key === "charging" || key === "driving" ? `.state.state-${key}` : ""}`, {}, name), h(".card-value", {}, value, unit), note));
  const show = () => {
    if (!live.figures) return;
    CARDS.forEach(([, , write], index) => {
      const [value, unit, note] = write(live.figures);
      Object.assign(parts[index].value, { textContent: value ?? "\u2013" });
      Object.assign(parts[index].unit, { textContent: unit });
      Object.assign(parts[index].note, { textContent: note });
    });
    boxes[5].classList.toggle("is-bad", live.figures.open_alerts > 0);
  };
  return { element: h("section.cards.figures", { "aria-label": "Live figures" }, boxes), show };
}

const COLUMNS = (store) => [
  { key: "id", title: "Vehicle", write: (place) => h("a", { href: `/vehicles/${encodeURIComponent(store.names[place])}` }, store.names[place]), sort: (place) => store.names[place] },
  { key: "region", title: "Region", write: (place) => store.regions[place], sort: (place) => store.regions[place] },
  { key: "state", title: "State", write: (place) => h(`span.state.state-${STATES[store.state[place]]}`, {}, title(STATES[store.state[place]])), sort: (place) => store.state[place], csv: (place) => STATES[store.state[place]] },
  { key: "speed", title: "Speed", unit: "km/h", number: true, write: (place) => amount(store.speed[place], "km/h"), sort: (place) => store.speed[place] },
  { key: "soc", title: "Charge", unit: "%", number: true, write: (place) => amount(store.soc[place], "%"), sort: (place) => store.soc[place] },
  { key: "power", title: "Power", unit: "kW", number: true, hint: "Power of the pack, positive into it", write: (place) => amount(store.power[place], "kW", 1), sort: (place) => store.power[place] },
  { key: "temp", title: "Pack", unit: "°C", number: true, hint: "Mean temperature of the pack", write: (place) => amount(store.temp[place], "°C", 1), sort: (place) => store.temp[place] },
  { key: "age", title: "Age", unit: "s", number: true, hint: "Age of the values", write: (place) => age(store.ageS(place)), sort: (place) => Math.round(store.ageS(place) * 10) / 10 },
];

export function show(root, { query, setQuery, go }) {
  const store = live.fleet, wanted = { region: query.region ?? "", state: query.state ?? "", q: query.q ?? "", vehicle: query.vehicle ?? "", on: (query.on ?? "").split(",").filter(Boolean) };
  const figures = cards();
  const accept = (place) => (!wanted.region || store.regions[place] === wanted.region) && (!wanted.state || STATES[store.state[place]] === wanted.state);
  const legend = h("ul.legend", { "aria-label": "Vehicles by state" });
  const counts = Object.fromEntries(STATES.map((state) => [state, h("b", {}, "0")]));
  replace(legend, STATES.map((state) => h(`li.state.state-${state}`, { dataset: { state } }, counts[state], h("span", {}, state))));
  const box = h(".map", { tabIndex: 0, "aria-label": "Map; arrow keys move it, plus and minus zoom" });
  const shown = { name: h("b"), state: h("span"), figures: h("dl.dl"), open: h("a.button", {}, "Open vehicle") };  // what can be clicked stays in its place
  const close = h("button.button.plain", { type: "button", "aria-label": "Close", onclick: () => chooseVehicle(null) }, icon("close"));
  const peek = h(".peek", { hidden: true }, h(".peek-head", {}, shown.name, shown.state, close), shown.figures, shown.open);
  const waiting = h(".map-waiting", { role: "status" }, "Waiting for the first vehicle");
  const table = new Table(COLUMNS(store), { id: (place) => store.names[place], sort: "id", choose: (place) => chooseVehicle(place), nothing: "No vehicle matches", label: "Vehicles" });
  const list = h("ul.alert-list", { "aria-label": "Open alerts, newest first" });
  const regions = h("span");
  const search = h("input.field", { type: "search", placeholder: "Filter by id", "aria-label": "Filter vehicles by id", value: wanted.q, oninput: (event) => set("q", event.target.value.trim()) });

  replace(root, h("h1.sr", {}, "Fleet"), figures.element, h(".fleet", {},
    panel("Map", { name: "map-panel", tools: [legend, toggle("chargers", "Chargers"), toggle("regions", "Regions"), h("button.button.plain", { type: "button", "aria-label": "Show all vehicles", title: "Show all vehicles", onclick: () => map.vehicles.bring(visible(), 9) }, icon("frame"))] }, h(".map-box", {}, box, peek, waiting)),
    panel("Open alerts", { name: "alerts-panel", tools: h("a.small", { href: "/alerts" }, "All alerts") }, h(".alert-log", { role: "log", "aria-live": "polite" }, list)),
    panel("Vehicles", { name: "table-panel", tools: [regions, select("State", [["", "All states"], ...STATES.map((state) => [state, title(state)])], wanted.state, (value) => set("state", value)), search, table.downloader("vehicles")] }, table.element)));

  const overlays = { chargers: null, regions: null };
  const map = fleetMap(box, store, { accept, choose: chooseVehicle });
  let framed = false, paintedAt = 0, timer = 0;

  function toggle(name, text) {
    const pressed = () => String(wanted.on.includes(name));
    const button = h("button.button.toggle", { type: "button", "aria-pressed": pressed(), onclick: () => {
      wanted.on = wanted.on.includes(name) ? wanted.on.filter((one) => one !== name) : [...wanted.on, name];
      button.setAttribute("aria-pressed", pressed());
      set("on", wanted.on);
      overlay(name);
    } }, text);
    return button;
  }
  async function overlay(name) {
    overlays[name]?.remove();
    overlays[name] = null;
    if (!wanted.on.includes(name)) return;
    overlays[name] = (name === "chargers" ? chargerLayer(rowsOf((await ask("/api/charging", { from: Date.now() - 30 * 86400e3, to: Date.now() + 1 })).chargers)) : regionLayer(store)).addTo(map.map);
  }
  function visible() {
    const places = [];
    const text = wanted.q.toUpperCase();
    for (let place = 0; place < store.count; place++) if (accept(place) && (!text || store.names[place].includes(text))) places.push(place);
    return places;
  }
  function set(name, value) {
    wanted[name] = value;
    setQuery({ ...wanted, on: wanted.on.join(",") });
    map.vehicles.touch();
    rows();
  }
  function chooseVehicle(place) {
    wanted.vehicle = place == null ? "" : store.names[place];
    setQuery({ ...wanted, on: wanted.on.join(",") });
    map.vehicles.chosen = place ?? -1;
    map.vehicles.touch();
    table.chosen = wanted.vehicle;
    table.paint();
    showPeek();
    if (place != null && !Number.isNaN(store.x[place]) && !map.map.getBounds().pad(-0.1).contains([store.lat[place], store.lon[place]])) map.map.panTo([store.lat[place], store.lon[place]]);
  }
  function showPeek() {
    const place = store.place.get(wanted.vehicle);
    peek.hidden = place === undefined;
    if (place === undefined) return;
    const state = STATES[store.state[place]];
    shown.name.textContent = wanted.vehicle;
    shown.state.className = `state state-${state}`;
    shown.state.textContent = title(state);
    shown.open.href = `/vehicles/${encodeURIComponent(wanted.vehicle)}`;
    replace(shown.figures, [["Speed", amount(store.speed[place], "km/h")], ["Charge", amount(store.soc[place], "%", 1)], ["Power", amount(store.power[place], "kW", 1)], ["Pack", amount(store.temp[place], "°C", 1)], ["Age", age(store.ageS(place))]].map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }
  function rows() {
    table.show(visible());
    paintedAt = performance.now();
  }
  function fresh() {
    waiting.hidden = store.count > 0;
    if (!framed && store.count) {
      framed = true;
      map.vehicles.bring(visible(), 9);
      wanted.on.forEach(overlay);
      const place = store.place.get(wanted.vehicle);
      if (place !== undefined) chooseVehicle(place);
    }
    if (performance.now() - paintedAt > 900 && !table.element.matches(":active")) rows();
    if (wanted.vehicle && !timer) timer = setTimeout(() => { timer = 0; showPeek(); }, 500);
  }
  function named() {
    const names = [...new Set(store.regions)].sort();
    replace(regions, select("Region", [["", "All regions"], ...names.map((name) => [name, name])], wanted.region, (value) => { set("region", value); map.vehicles.bring(visible(), 9); }));
    map.vehicles.touch();
  }
  function alerts() {
    const open = openAlerts().sort((one, other) => other.raised_ts - one.raised_ts);
    replace(list, open.length ? open.slice(0, 50).map((alert) => alertItem(alert)) : h("li.empty", {}, h("strong", {}, "All quiet"), "No alert is open"));
  }
  function second() {
    figures.show();
    for (const state of STATES) counts[state].textContent = number(live.figures?.counts[state] ?? 0);
    const gold = live.feeds.gold;
    if (!store.count && gold && !gold.live) waiting.textContent = title(gold.text);
  }
  const heard = [["fleet", fresh], ["names", named], ["alerts", alerts], ["figures", second]];
  heard.forEach(([name, hear]) => live.addEventListener(name, hear));
  live.show({ fleet: true });
  named();
  alerts();
  second();
  fresh();
  root.fleetMap = map;
  return () => {
    clearTimeout(timer);
    heard.forEach(([name, hear]) => live.removeEventListener(name, hear));
    map.end();
  };
}
