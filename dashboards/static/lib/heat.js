// Cells as a heat map: a square a cell, coloured by how far it is from the pack's mean; probes beside them.
import { h } from "./dom.js";
import { age, amount, number } from "./format.js";
import { live } from "./live.js";

const SPREAD_MV = 30; // full colour from here on: what a balanced pack stays below

export function heat({ ts, cell_v: cells, probe_c: probes }) {
  const mean = cells.reduce((sum, value) => sum + value, 0) / (cells.length || 1);
  const least = cells.indexOf(Math.min(...cells)), most = cells.indexOf(Math.max(...cells));
  const square = (value, index) => {
    const away = (value - mean) * 1000, share = Math.min(1, Math.abs(away) / SPREAD_MV);
    return h(`span.cell${index === least ? ".is-least" : index === most ? ".is-most" : ""}`, { title: `Cell ${index + 1}: ${number(value, 3)} V, ${number(away, 1)} mV from the mean`,
      style: { "--share": `${Math.round(share * 100)}%`, "--tone": away < 0 ? "var(--amber)" : "var(--driving)" } });
  };
  const hottest = Math.max(...probes, -Infinity);
  return h(".heat", {},
    h(".heat-cells", { role: "img", "aria-label": `${cells.length} cells, mean ${number(mean, 3)} V, lowest is cell ${least + 1} with ${number(cells[least], 3)} V, highest is cell ${most + 1} with ${number(cells[most], 3)} V` }, cells.map(square)),
    h("dl.dl", {}, [["Mean", amount(mean, "V", 3)], ["Lowest", `${amount(cells[least], "V", 3)} (cell ${least + 1})`], ["Highest", `${amount(cells[most], "V", 3)} (cell ${most + 1})`], ["Spread", amount((cells[most] - cells[least]) * 1000, "mV")], ["Hottest of the probes", probes.length ? amount(hottest, "°C", 1) : "\u2013"], ["Age", age((Date.now() - live.fleet.leadMs - ts) / 1000)]].map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("p.note.small.heat-note", {}, h("span.key", { style: { "--tone": "var(--amber)" } }), "below the mean ", h("span.key", { style: { "--tone": "var(--driving)" } }), `above; full colour from ${SPREAD_MV} mV on. Outlined: lowest and highest cell.`));
}
