// Pipeline health: rate, age and effort at every hop, quarantine by reason, how each process does, models and their scores.
import { ask } from "../lib/api.js";
import { Chart } from "../lib/chart.js";
import { empty, h, panel, replace } from "../lib/dom.js";
import { age, amount, number, signalTitle, words } from "../lib/format.js";
import { live } from "../lib/live.js";
import { rowsOf } from "../lib/range.js";
import { cards, sum } from "../lib/summary.js";
import { Table } from "../lib/table.js";

const EVERY_MS = 5000, DAY = 86400e3;

// The samples of a process: metrics whose name (without labels) ends so.
const picked = (process, ending) => Object.entries(process.values).filter(([name]) => name.split("{")[0].endsWith(ending));
const labelOf = (name, label) => new RegExp(`${label}="([^"]*)"`).exec(name)?.[1];
const last = (values) => values.findLast((value) => value != null);

// Growth a second between neighbouring samples; null across a restart or a gap.
function rate(at, values) {
  return values.map((value, index) => {
    const before = values[index - 1];
    return index && value != null && before != null && value >= before ? ((value - before) * 1000) / (at[index] - at[index - 1]) : null;
  });
}
const added = (lists) => (lists.length ? lists[0].map((_, index) => (lists.some((list) => list[index] != null) ? sum(lists.map((list) => list[index])) : null)) : []);
const recent = (values) => { const known = values.slice(-6).filter((value) => value != null); return known.length ? sum(known) / known.length : null; };
const ROAD = ["gateway", "ingest", "flow-bronze", "flow-silver", "flow-gold", "flow-live", "flow", "upkeep", "dashboards"];
const order = (name) => (ROAD.findIndex((start) => name.startsWith(start)) + ROAD.length + 1) % (ROAD.length + 1);

function hop(name, process) {
  const sent = added(picked(process, "_sent_total").map(([, values]) => rate(process.at, values)));
  const received = added(picked(process, "_received_total").map(([, values]) => rate(process.at, values)));
  const ages = picked(process, "_queue_age_seconds").map(([, values]) => last(values)).filter((value) => value != null);
  const seconds = added(picked(process, "_batch_seconds_sum").map(([, values]) => rate(process.at, values))), counts = added(picked(process, "_batch_seconds_count").map(([, values]) => rate(process.at, values)));
  const work = recent(seconds), batches = recent(counts);
  return { name, up: process.up, at: process.at, received, sent, receivedNow: recent(received), sentNow: recent(sent), age: ages.length ? Math.max(...ages) : null, batchMs: batches ? (1000 * work) / batches : null,
    rejected: sum(picked(process, "_rejected_total").map(([, values]) => last(values))), errors: sum(picked(process, "_errors_total").map(([, values]) => last(values))), spool: last(added(picked(process, "_spool_bytes").map(([, values]) => values))) };
}

export function show(root, view) {
  const table = new Table([
    { key: "name", title: "Process", write: (row) => h("span.dot", { style: { "--dot": row.up ? "var(--charging)" : "var(--alert)" } }, row.name, h("span.sr", {}, row.up ? "answers" : "does not answer")), sort: (row) => order(row.name), csv: (row) => row.name },
    { key: "in", title: "In", unit: "1/s", number: true, hint: "Mean of half a minute", write: (row) => amount(row.receivedNow, "/s", 1), sort: (row) => row.receivedNow },
    { key: "out", title: "Out", unit: "1/s", number: true, write: (row) => amount(row.sentNow, "/s", 1), sort: (row) => row.sentNow },
    { key: "age", title: "Latency", unit: "s", number: true, hint: "Age of what it has just done, or of the oldest that waits", write: (row) => age(row.age), sort: (row) => row.age },
    { key: "batch", title: "A batch takes", unit: "ms", number: true, write: (row) => amount(row.batchMs, "ms", row.batchMs < 10 ? 1 : 0), sort: (row) => row.batchMs },
    { key: "rejected", title: "Refused", number: true, write: (row) => number(row.rejected), sort: (row) => row.rejected },
    { key: "errors", title: "Retries", number: true, hint: "Attempts that had to be repeated", write: (row) => number(row.errors), sort: (row) => row.errors },
    { key: "spool", title: "Spool", unit: "bytes", number: true, hint: "Undelivered bytes on a gateway's disk", write: (row) => (row.spool == null ? "\u2013" : amount(row.spool / 1024, "KiB", row.spool < 10240 ? 1 : 0)), sort: (row) => row.spool },
  ], { id: (row) => row.name, sort: "name", nothing: "No process is watched: DASHBOARD_TARGETS names none", label: "Processes" });
  const top = h(".top"), reasons = h(".panel-body"), models = h(".panel-body"), feeds = h(".panel-body"), quality = h(".panel-body"), fresh = h(".panel-body"), drifted = h(".panel-body");
  const flow = new Chart({ height: 220, group: "pipeline", label: "Records a second at every hop" }), lag = new Chart({ height: 220, group: "pipeline", label: "Latency at every hop" });
  replace(root, h(".head", {}, h("h1", {}, "Pipeline"), h("span.note", {}, "the last half hour, every 5 s")), top,
    h(".grid", {}, panel("Records out of each hop", { span: 6 }, h(".panel-body", {}, flow.element)), panel("Latency at each hop", { span: 6 }, h(".panel-body", {}, lag.element))),
    panel("Processes", { tools: table.downloader("pipeline") }, table.element),
    h(".grid", {}, panel("Quarantine, last 7 days", { span: 4 }, reasons), panel("Data quality", { span: 4 }, quality), panel("Models in use", { span: 4 }, models)),
    h(".grid", {}, panel("Feature freshness, a sample of the fleet", { span: 6 }, fresh), panel("Feature drift, last day against the one before", { span: 6 }, drifted)),
    panel("Feeds of this page", {}, feeds));

  async function load() {
    const { processes } = await ask("/api/pipeline");
    const hops = Object.entries(processes).map(([name, process]) => hop(name, process)).sort((one, other) => order(one.name) - order(other.name) || (one.name < other.name ? -1 : 1));
    table.show(hops);
    const down = hops.filter((one) => !one.up), bronze = hops.find((one) => one.name === "flow-bronze"), ages = hops.filter((one) => one.name.startsWith("flow-") && one.age != null);
    const spool = sum(hops.map((one) => one.spool));
    replace(top, cards([
      ["Processes", number(hops.length - down.length), hops.length ? `of ${hops.length}` : "", down.length ? `${down.map((one) => one.name).join(", ")} ${down.length > 1 ? "do" : "does"} not answer` : "all answer", down.length ? "bad" : ""],
      ["Rate into bronze", number(bronze?.sentNow ?? live.figures?.messages_per_s), "msg/s", "mean of half a minute"],
      ["Slowest flow", ages.length ? age(Math.max(...ages.map((one) => one.age))) : "\u2013", "", ages.length ? ages.reduce((one, other) => (one.age > other.age ? one : other)).name : "not known yet"],
      ["Waiting on gateways", number(spool / 1024, spool < 10240 ? 1 : 0), "KiB", "not yet in the edge Kafka", spool > 50 * 1024 ** 2 ? "warm" : ""],
      ["Refused", number(sum(hops.map((one) => one.rejected))), "records", "since the processes started"],
      ["Newest frame", age(live.figures?.newest_age_s).split("\u00a0")[0], age(live.figures?.newest_age_s).split("\u00a0")[1] ?? "", "after its sensor"],
    ]));
    const shown = hops.filter((one) => one.at.length > 1 && /^(ingest|flow-)/.test(one.name));
    if (shown.length) {
      const at = shown[0].at;
      const fitted = (values, own) => at.map((time) => { const index = own.findIndex((other) => Math.abs(other - time) < EVERY_MS / 2); return index < 0 ? null : values[index]; });
      const hues = ["--parked", "--amber", "--driving", "--charging", "--alert"];
      flow.show(at, shown.map((one, index) => ({ label: one.name, values: fitted(one.sent, one.at), unit: "/s", digits: 1, hue: hues[index % 5], spanGaps: true })));
      lag.show(at, shown.filter((one) => one.age != null).map((one) => ({ label: one.name, values: fitted(added([picked(processes[one.name], "_queue_age_seconds").map(([, values]) => values).reduce((most, values) => most.map((value, index) => Math.max(value ?? 0, values[index] ?? 0)))]), one.at), unit: "s", digits: 2, hue: hues[shown.indexOf(one) % 5], spanGaps: true })));
    }
  }
  async function lake() {
    const { reasons: found } = await ask("/api/quarantine", { from: Date.now() - 7 * DAY, to: Date.now() + DAY });
    const rows = rowsOf(found);
    replace(reasons, rows.length ? h("dl.dl", {}, rows.map((row) => [h("dt", {}, `${words(row.reason)} (${row.kind})`), h("dd", {}, number(row.messages))])) : empty("Nothing in quarantine", "Every message of the last 7 days was believed"));
    const { features } = await ask("/api/drift", { from: Date.now() - 90 * DAY, to: Date.now() + DAY });
    const moved = rowsOf(features);
    replace(drifted, moved.length ? h("dl.dl", {}, moved.slice(0, 12).map((row) => [h("dt", { title: row.service }, signalTitle(row.feature), h("span.chip", {}, row.day)), h("dd", {}, row.moved == null ? "no day before" : `moved ${number(row.moved, 2)} standard deviations`)])) : empty("No profile yet", "voltlake features profile measures a day; two of them show drift"));
    const report = await ask("/api/quality", { from: Date.now() - DAY, to: Date.now() + DAY }).catch(() => null);
    const marks = rowsOf(report?.marks);
    replace(quality, marks.length ? h("dl.dl", {}, marks.map((row) => [h("dt", {}, words(row.rule)), h("dd", {}, `${number(row.rows)} rows`)])) : empty("No row is marked", "No quality rule marked a row today"));
  }
  function second() {
    replace(feeds, h("dl.dl.feeds-list", {}, Object.entries(live.feeds).map(([name, feed]) => [h("dt", {}, h("span.dot", { style: { "--dot": feed.live ? "var(--charging)" : "var(--amber)" } }, name)), h("dd", {}, feed.text)])));
  }
  async function scores() {
    const { models: found, freshness } = await ask("/api/models");
    const views = Object.entries(freshness ?? {});
    replace(fresh, views.length ? h("dl.dl", {}, views.map(([view, one]) => [h("dt", {}, words(view)), h("dd", {}, `${number(one.fresh)} fresh, ${number(one.stale)} stale, ${number(one.missing)} missing; half are younger than ${age(one.median_age_s)}`)])) : empty("Nothing online yet", "Freshness shows once a vehicle is known"));
    const rows = rowsOf(found);
    replace(models, rows.length ? h("dl.dl", {}, rows.map((row) => [h("dt", {}, words(row.model), h("span.chip", {}, `v${row.version}`)), h("dd", {}, `${number(row.vehicles)} vehicles, newest ${age((Date.now() - live.fleet.leadMs - row.newest_ts) / 1000)} old`)])) : empty("No score yet", "A model scores once it is trained and promoted"));
  }
  live.addEventListener("figures", second);
  live.show({});
  second();
  const calls = () => Promise.all([load(), scores()]).catch(() => {});
  calls();
  lake().catch(() => {});
  const timer = setInterval(calls, EVERY_MS), slow = setInterval(() => lake().catch(() => {}), 60e3);
  return () => { clearInterval(timer); clearInterval(slow); live.removeEventListener("figures", second); flow.end(); lag.end(); };
}
