// One alert in a list: what, who, since when, and with which values.
import { h } from "./dom.js";
import { clock, moment, words } from "./format.js";
import { CLOSED } from "./live.js";

export function alertItem(alert) {
  const open = !CLOSED.has(alert.state);
  return h(`li.alert${open ? ".is-open" : ".is-closed"}`, { dataset: { alert: alert.alert_id, state: alert.state } },
    h("a", { href: `/alerts?alert=${encodeURIComponent(alert.alert_id)}` },
      h("span.alert-head", {}, h(`span.severity.severity-${alert.severity}`, {}, open ? alert.severity : alert.state), h("b", {}, alert.vehicle_id), h("time.muted.small", { dateTime: new Date(alert.event_ts).toISOString() }, moment(alert.raised_ts))),
      h("span.alert-text", {}, words(alert.rule)),
      h("span.muted.small", {}, alert.message)));
}
