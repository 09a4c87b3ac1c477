// What an operator does to alerts: asked for in a dialog where it needs words or a time, then sent.
import { h, notice } from "./dom.js";
import { act, me } from "./api.js";
import { live } from "./live.js";

const HOUR = 3600e3;
const DIALOGS = {
  comment: { title: "Comment", label: "What should others know?", area: true },
  assign: { title: "Assign", label: "To whom?", value: () => me.name },
  shelve: { title: "Shelve", label: "For how long?", options: [[1, "1 hour"], [4, "4 hours"], [24, "1 day"], [168, "1 week"]] },
};
export const ACTS = [["ack", "Acknowledge"], ["assign", "Assign"], ["comment", "Comment"], ["shelve", "Shelve"], ["clear", "Clear"]];
const DONE = { ack: "acknowledged", assign: "assigned", comment: "commented", shelve: "shelved", unshelve: "back", clear: "cleared" };

function ask({ title, label, area, value, options }, count) {
  return new Promise((resolve) => {
    const field = options ? h("select.select", { name: "text" }, options.map(([hours, text]) => h("option", { value: hours }, text)))
      : h(area ? "textarea" : "input.field", { name: "text", required: true, maxLength: 2000, value: value?.() ?? "" });
    const dialog = h("dialog", { "aria-label": title, onclose: () => { dialog.remove(); resolve(dialog.returnValue === "ok" ? field.value : null); } },
      h("h2", {}, title), h("p.note", {}, count === 1 ? "One alert" : `${count} alerts`),
      h("form", { method: "dialog" }, h("label", {}, label, field), h(".tools", {}, h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"), h("button.button.primary", { value: "ok" }, title))));
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
}

// Does one thing to alerts; true where it was sent.
export async function perform(action, alerts) {
  const wanted = DIALOGS[action] ? await ask(DIALOGS[action], alerts.length) : "";
  if (wanted === null) return false;
  const body = { action, alerts: alerts.map((alert) => alert.alert_id), vehicles: Object.fromEntries(alerts.map((alert) => [alert.alert_id, alert.vehicle_id])) };
  if (action === "shelve") body.until_ts = Date.now() - live.fleet.leadMs + Number(wanted) * HOUR;
  else body.text = wanted;
  if (body.until_ts) body.until_ts = Math.round(body.until_ts);
  try {
    await act("/api/alerts/acts", body);
    notice(`${alerts.length === 1 ? `${alerts[0].rule.replaceAll("_", " ")} on ${alerts[0].vehicle_id}` : `${alerts.length} alerts`}: sent, will be ${DONE[action]}`);
    return true;
  } catch (error) {
    notice(error.message, true);
    return false;
  }
}
