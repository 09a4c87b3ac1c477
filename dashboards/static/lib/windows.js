// Maintenance windows: the ones that are open, and for an operator a dialog to open one and a button to end one.
import { act, ask, may } from "./api.js";
import { h, notice, panel, replace } from "./dom.js";
import { age, moment, words } from "./format.js";
import { live } from "./live.js";

const MINUTE = 60e3;
const LONG = [[30, "30 minutes"], [60, "1 hour"], [240, "4 hours"], [1440, "1 day"], [10080, "1 week"]];
const now = () => Date.now() - live.fleet.leadMs;
const listed = (text) => text.split(/[\s,]+/).filter(Boolean);

export function covers(one) {
  const parts = [...one.vehicles, ...one.regions, ...one.rules.map(words)];
  return parts.length ? parts.join(", ") : "Everything";
}

// `known` gives regions and rules to choose from, `vehicle` the one that an open alert is of.
function asked(known) {
  return new Promise((resolve) => {
    const field = (name, props) => h("input.field", { name, ...props });
    const name = field("window", { required: true, maxLength: 64, value: "Workshop" });
    const vehicles = field("vehicles", { value: known.vehicle, placeholder: "All", autocapitalize: "characters" });
    const pick = (name_, all, values) => h("select.select", { name: name_ }, h("option", { value: "" }, all), values.map((value) => h("option", { value }, name_ === "rule" ? words(value) : value)));
    const region = pick("region", "All regions", known.regions), rule = pick("rule", "All rules", known.rules);
    const long = h("select.select", { name: "minutes" }, LONG.map(([minutes, text]) => h("option", { value: minutes, selected: minutes === 60 }, text)));
    const told = () => ({ name: name.value.trim(), until_ts: Math.round(now() + Number(long.value) * MINUTE), vehicles: listed(vehicles.value.toUpperCase()), regions: listed(region.value), rules: listed(rule.value) });
    const dialog = h("dialog", { "aria-label": "Maintenance window", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "ok" ? told() : null); } },
      h("h2", {}, "Maintenance window"), h("p.note", {}, "Its alerts are kept and quiet, and speak up when it ends."),
      h("form", { method: "dialog" }, h("label", {}, "Name", name), h("label", {}, "Vehicles", vehicles), h("label", {}, "Region", region), h("label", {}, "Rule", rule), h("label", {}, "For how long?", long),
        h(".tools", {}, h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"), h("button.button.primary", { value: "ok" }, "Open"))));
    document.body.append(dialog);
    dialog.showModal();
    name.focus();
    name.select();
  });
}

// The panel, hidden while there is no window; `open` asks for one and `stop` ends its looking.
export function maintenance(known) {
  const rows = h(".window-rows");
  const element = panel("Maintenance windows", { name: "maintenance" }, rows);
  element.hidden = true;
  const operator = may("operator");
  let shown = "";

  async function told(body, said) {
    try {
      await act("/api/maintenance", body);
      notice(said);
      setTimeout(look, 300);
    } catch (error) {
      notice(error.message, true);
    }
  }
  function paint(windows) {
    const text = JSON.stringify(windows);
    element.hidden = !windows.length;
    if (text === shown) return;
    shown = text;
    replace(rows, h("ul.window-list", {}, windows.map((one) => h("li", { dataset: { window: one.name } }, h("b", {}, one.name), h("span", {}, covers(one)), h("span.muted", {}, `until ${moment(one.until_ts)}, ${age((one.until_ts - one.from_ts) / 1000)}, by ${one.by}`),
      operator && h("button.button", { type: "button", "aria-label": `End the window ${one.name}`, onclick: () => told({ name: one.name }, `${one.name}: will end`) }, "End")))));
  }
  async function look() {
    const found = await ask("/api/maintenance").catch(() => null);
    if (found) paint(found.windows);
  }
  const timer = setInterval(look, 3000);
  look();
  return {
    element,
    button: operator ? h("button.button", { type: "button", dataset: { action: "maintenance" }, onclick: async () => {
      const body = await asked(known());
      if (body) await told(body, `${body.name}: will be open`);
    } }, "Maintenance") : null,
    stop: () => clearInterval(timer),
  };
}
