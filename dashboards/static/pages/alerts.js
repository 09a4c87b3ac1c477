// All alerts: open and past, filtered by the address; acknowledge, assign, comment, shelve and clear, one or many; sound on request.
import { choice, empty, h, icon, panel, replace, select } from "../lib/dom.js";
import { ACTS, perform } from "../lib/acts.js";
import { ask, may } from "../lib/api.js";
import { age, clock, moment, reading, title, words } from "../lib/format.js";
import { CLOSED, live } from "../lib/live.js";
import { Range, rowsOf } from "../lib/range.js";
import { Table } from "../lib/table.js";

const RANK = { info: 0, minor: 1, low: 1, warning: 2, major: 3, high: 3, critical: 4 };
const COLUMNS = [
  { key: "severity", title: "Severity", write: (a) => h(`span.severity.severity-${a.severity}`, {}, a.severity), sort: (a) => RANK[a.severity] ?? 5, csv: (a) => a.severity },
  { key: "raised", title: "Raised", write: (a) => moment(a.raised_ts), sort: (a) => a.raised_ts, csv: (a) => new Date(a.raised_ts).toISOString() },
  { key: "state", title: "State", write: (a) => stateOf(a), sort: (a) => stateOf(a) },
  { key: "vehicle", title: "Vehicle", write: (a) => h("a", { href: `/vehicles/${a.vehicle_id}` }, a.vehicle_id), sort: (a) => a.vehicle_id },
  { key: "rule", title: "Rule", write: (a) => words(a.rule), sort: (a) => a.rule },
  { key: "message", title: "What", write: (a) => h("span", { title: a.message }, a.message), sort: (a) => a.message },
  { key: "count", title: "Times", number: true, hint: "How often its condition has risen", write: (a) => a.count ?? 1, sort: (a) => a.count ?? 1 },
  { key: "assignee", title: "Assignee", write: (a) => a.assignee || "\u2013", sort: (a) => a.assignee },
  { key: "region", title: "Region", write: (a) => a.region, sort: (a) => a.region },
];

export function stateOf(alert) {
  if (!CLOSED.has(alert.state) && alert.suppressed_by) return alert.suppressed_by === "shelved" ? "Shelved" : alert.suppressed_by.startsWith("maintenance") ? "Maintenance" : "Suppressed";
  return title(alert.state);
}

// A row of gold.alerts as the live feed has it.
const fromGold = (row) => ({ ...row, raised_ts: row.raised_at, cleared_ts: row.cleared_at, changed_ts: row.changed_at, acts: typeof row.acts === "string" ? JSON.parse(row.acts || "[]") : row.acts ?? [] });

export function show(root, view) {
  const { query, setQuery } = view;
  const wanted = { show: query.show ?? "open", severity: query.severity ?? "", region: query.region ?? "", rule: query.rule ?? "", q: query.q ?? "", alert: query.alert ?? "" };
  let past = new Map(), sound = false, known = new Set(live.alerts.keys()), total = 0, frame = 0;
  const chosen = new Set();
  const range = new Range(view, ["24h", "7d", "30d"], "7d", history);
  const bulk = h(".bulk", { hidden: true, role: "toolbar", "aria-label": "Selected alerts" });
  const operator = may("operator");
  const table = new Table(COLUMNS, { id: (alert) => alert.alert_id, sort: "raised", down: true, choose: (alert) => open(alert.alert_id), nothing: "No alert matches", label: "Alerts", check: operator ? (checked) => { paintBulk(checked); } : undefined });
  const detail = h("aside.detail", { "aria-label": "Alert", hidden: true });
  const filters = h(".tools");
  const soundButton = h("button.button.plain", { type: "button", "aria-pressed": "false", title: "Sound on a new critical alert", "aria-label": "Sound on a new critical alert", onclick: () => {
    sound = !sound;
    soundButton.setAttribute("aria-pressed", String(sound));
    replace(soundButton, icon(sound ? "sound" : "mute"));
    if (sound) beep(0.02);
  } }, icon("mute"));

  replace(root, h(".head", {}, h("h1", {}, "Alerts"), choice("Which alerts", [["open", "Open"], ["silenced", "Silenced"], ["all", "All"]], wanted.show, (value) => set("show", value)), h(".tools", {}, range.element, soundButton, table.downloader("alerts"))),
    h(".alerts-page", {}, panel("Alerts", { name: "alerts-table", tools: filters }, bulk, table.element), detail));

  function set(name, value) {
    wanted[name] = value;
    view.query = { ...view.query, ...wanted, show: wanted.show === "open" ? "" : wanted.show };
    setQuery(view.query);
    paint();
  }
  function all() {
    const alerts = new Map(past);
    for (const [id, alert] of live.alerts) if (!past.has(id) || (alert.revision ?? 0) >= (past.get(id).revision ?? 0)) alerts.set(id, alert);
    return alerts;
  }
  function matches(alert) {
    const text = `${alert.vehicle_id} ${alert.rule} ${alert.message} ${alert.assignee ?? ""}`.toLowerCase().replaceAll("_", " ");
    const shown = wanted.show === "all" || (!CLOSED.has(alert.state) && Boolean(alert.suppressed_by) === (wanted.show === "silenced"));
    return shown && (!wanted.severity || alert.severity === wanted.severity) && (!wanted.region || alert.region === wanted.region) && (!wanted.rule || alert.rule === wanted.rule) && (!wanted.q || text.includes(wanted.q.toLowerCase()));
  }
  function paint() {
    const alerts = all();
    table.chosen = wanted.alert;
    table.show([...alerts.values()].filter(matches));
    showDetail(alerts.get(wanted.alert));
    for (const id of table.checked) if (!alerts.has(id)) table.checked.delete(id);
  }
  function paintFilters() {
    const alerts = [...all().values()], values = (name) => [...new Set(alerts.map((alert) => alert[name]))].sort();
    const options = (name, label) => [["", label], ...values(name).map((value) => [value, words(value)])];
    const focused = document.activeElement?.getAttribute?.("aria-label");
    const offered = JSON.stringify([wanted, ...["severity", "rule", "region"].map(values)]);
    if (filters.contains(document.activeElement) || filters.dataset.offered === offered) return;
    filters.dataset.offered = offered;
    replace(filters, select("Severity", options("severity", "All severities"), wanted.severity, (value) => set("severity", value)),
      select("Rule", options("rule", "All rules"), wanted.rule, (value) => set("rule", value)),
      select("Region", [["", "All regions"], ...values("region").map((value) => [value, value])], wanted.region, (value) => set("region", value)),
      h("input.field", { type: "search", placeholder: "Filter", "aria-label": "Filter alerts by words", value: wanted.q, oninput: (event) => set("q", event.target.value.trim()) }));
    if (focused) filters.querySelector(`[aria-label="${focused}"]`)?.focus();
  }
  function paintBulk(checked) {
    bulk.hidden = !checked.size;
    const alerts = all(), picked = [...checked].map((id) => alerts.get(id)).filter(Boolean);
    replace(bulk, h("b", {}, `${checked.size} selected`), ACTS.map(([action, text]) => h("button.button", { type: "button", onclick: async () => { if (await perform(action, picked)) { table.checked.clear(); paintBulk(table.checked); table.paintHead(); table.paint(); } } }, text)));
  }
  function open(id) {
    set("alert", wanted.alert === id ? "" : id);
  }
  function showDetail(alert) {
    const changed = detail.dataset.shown !== `${alert?.alert_id}/${alert?.revision}/${alert?.state}`;
    detail.hidden = !alert;
    if (!alert || (!changed && !detail.hidden && detail.firstChild)) return;
    detail.dataset.shown = `${alert.alert_id}/${alert.revision}/${alert.state}`;
    detail.dataset.alert = alert.alert_id;
    detail.dataset.state = alert.state;
    const isOpen = !CLOSED.has(alert.state), shelved = isOpen && alert.suppressed_by === "shelved";
    const facts = [["Vehicle", h("a", { href: `/vehicles/${alert.vehicle_id}` }, alert.vehicle_id)], ["Region", alert.region], ["State", stateOf(alert)], ["Raised", moment(alert.raised_ts)], alert.cleared_ts && ["Cleared", moment(alert.cleared_ts)], ["Lasts", age(((alert.cleared_ts ?? Date.now() - live.fleet.leadMs) - alert.raised_ts) / 1000)], ["Times", alert.count ?? 1], alert.acknowledged_by && ["Acknowledged by", alert.acknowledged_by], ["Assignee", alert.assignee || "\u2013"], alert.shelved_until && ["Shelved until", moment(alert.shelved_until)], alert.superseded_by && ["Superseded by", h("a", { href: `/alerts?show=all&alert=${alert.superseded_by}` }, alert.superseded_by)], ["Id", alert.alert_id]].filter(Boolean);
    const buttons = ACTS.filter(([action]) => isOpen && !(action === "ack" && alert.state === "acknowledged") && !(action === "shelve" && shelved)).map(([action, text]) => h(`button.button${action === "ack" ? ".primary" : ""}`, { type: "button", dataset: { action }, onclick: () => perform(action, [alert]) }, text));
    if (shelved) buttons.push(h("button.button", { type: "button", onclick: () => perform("unshelve", [alert]) }, "Take off the shelf"));
    replace(detail, h(".panel", {}, h(".panel-head", {}, h(`span.severity.severity-${alert.severity}`, {}, alert.severity), h("h2", {}, words(alert.rule)), h(".tools", {}, h("button.button.plain", { type: "button", "aria-label": "Close the alert", onclick: () => open(alert.alert_id) }, icon("close")))),
      h(".panel-body.detail-body", {}, h("p", {}, alert.message), operator && buttons.length ? h(".act-buttons", {}, buttons) : null, h("dl.dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
        h("a.button", { href: `/vehicles/${alert.vehicle_id}?from=${alert.raised_ts - 3600e3}&to=${Math.round((alert.cleared_ts ?? Date.now()) + 600e3)}${alert.signal ? `&signals=${alert.signal}` : ""}` }, "Signals around it"),
        h("h3", {}, "History"), (alert.acts ?? []).length ? h("ol.acts", {}, alert.acts.map((act) => h("li", {}, h("b", {}, act.by), ` ${words(act.action).toLowerCase()} `, act.text && h("span.said", {}, act.text), h("time.muted.small", { dateTime: new Date(act.ts).toISOString() }, moment(act.ts))))) : h("p.note", {}, "Nobody has acted on it yet"))));
  }
  function beep(volume = 0.12) {
    const audio = new AudioContext(), tone = audio.createOscillator(), gain = audio.createGain();
    gain.gain.setValueAtTime(volume, audio.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.4);
    tone.frequency.value = 880;
    tone.connect(gain).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.4);
    tone.onended = () => audio.close();
  }
  function heard({ detail: told }) {
    const fresh = told?.alerts?.some((alert) => !known.has(alert.alert_id) && alert.severity === "critical" && !CLOSED.has(alert.state));
    if (sound && fresh && !told.all) beep();
    known = new Set(live.alerts.keys());
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      paint();
      paintFilters();
    });
  }
  async function history() {
    const { from, to } = range.span;
    const found = await ask("/api/alerts", { from, to }).catch(() => ({ alerts: {}, total: 0 }));
    past = new Map(rowsOf(found.alerts).map(fromGold).map((alert) => [alert.alert_id, alert]));
    total = found.total;
    paint();
    paintFilters();
  }
  live.addEventListener("alerts", heard);
  live.show({});
  paint();
  paintFilters();
  history();
  return () => { live.removeEventListener("alerts", heard); cancelAnimationFrame(frame); };
}
