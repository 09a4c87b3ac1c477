// Cards and simple statistics that several pages head with.
import { h } from "./dom.js";

// [title, value, unit, note, tone]
export const cards = (items) => h("section.cards", { "aria-label": "Summary" }, items.map(([title, value, unit, note, tone]) =>
  h(`article.card${tone ? `.is-${tone}` : ""}`, {}, h(".card-title", {}, title), h(".card-value", {}, value, h("span.unit", {}, unit)), h(".card-note", { title: note }, note))));

export const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
export function quantile(values, share) {
  const sorted = values.filter((value) => value != null).sort((one, other) => one - other);
  if (!sorted.length) return null;
  const at = (sorted.length - 1) * share, low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}
