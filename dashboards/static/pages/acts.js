// Who did what: the sealed record, for admins.
import { ask } from "../lib/api.js";
import { empty, h, panel, replace } from "../lib/dom.js";
import { moment, words } from "../lib/format.js";
import { Table } from "../lib/table.js";

const said = (detail) => {
  try {
    const { text, until_ts: until } = JSON.parse(detail);
    return [text, until && `until ${moment(until)}`].filter(Boolean).join(", ");
  } catch {
    return detail;
  }
};

export async function show(root) {
  const table = new Table([
    { key: "at", title: "When", write: (row) => moment(row.at_ms), sort: (row) => row.at_ms, csv: (row) => new Date(row.at_ms).toISOString() },
    { key: "who", title: "Who", write: (row) => row.who, sort: (row) => row.who },
    { key: "act", title: "Act", write: (row) => words(row.act), sort: (row) => row.act },
    { key: "subject", title: "On", write: (row) => (/^[0-9a-f]{16}$/.test(row.subject) ? h("a", { href: `/alerts?show=all&alert=${row.subject}` }, row.subject) : row.subject), sort: (row) => row.subject },
    { key: "detail", title: "Detail", write: (row) => said(row.detail), sort: (row) => said(row.detail) },
  ], { id: (row) => row.number, sort: "at", down: true, label: "Acts" });
  try {
    const { acts, broken_at: broken } = await ask("/api/acts");
    replace(root, h(".head", {}, h("h1", {}, "Who did what"), h("span.chip", {}, broken == null ? "The record is whole" : `The record was changed at entry ${broken}`), h(".tools", {}, table.downloader("acts"))), panel("Acts, newest first", { name: "tall" }, table.element));
    table.show(acts);
  } catch (error) {
    replace(root, h(".head", {}, h("h1", {}, "Who did what")), h(".panel", {}, empty("Not for this account", error.message)));
  }
}
