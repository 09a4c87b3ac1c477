// Questions to the server. Answers are JSON; a refusal is an Error with the server's own sentence.
const visitor = document.querySelector("meta[name=voltlake-visitor]");
export const me = { name: visitor?.content ?? "", role: visitor?.dataset.role ?? "viewer" };
const RANKS = ["viewer", "operator", "admin"];
export const may = (role) => RANKS.indexOf(me.role) >= RANKS.indexOf(role);

async function answered(response) {
  if (response.status === 401) location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
  const body = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(body?.error ?? `the server answered ${response.status}`);
  return body;
}

export function address(path, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value != null && value !== "");
  return kept.length ? `${path}?${new URLSearchParams(kept)}` : path;
}

export const ask = async (path, query, signal) => answered(await fetch(address(path, query), { headers: { Accept: "application/json" }, signal }));

export const act = async (path, body) =>
  answered(await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": visitor.dataset.csrf }, body: JSON.stringify(body) }));
