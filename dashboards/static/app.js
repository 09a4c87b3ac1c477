// The shell: bar, search, theme, and which page is shown. A page is `show(root, {path, query, setQuery}) -> end()`.
import { h, icon, notice, replace } from "./lib/dom.js";
import { act, ask, me } from "./lib/api.js";
import { live, openAlerts } from "./lib/live.js";

const PAGES = [
  { path: /^\/$/, file: "fleet", title: "Fleet", href: "/" },
  { path: /^\/alerts$/, file: "alerts", title: "Alerts", href: "/alerts" },
  { path: /^\/battery$/, file: "battery", title: "Battery health", href: "/battery" },
  { path: /^\/charging$/, file: "charging", title: "Charging", href: "/charging" },
  { path: /^\/energy$/, file: "energy", title: "Energy", href: "/energy" },
  { path: /^\/pipeline$/, file: "pipeline", title: "Pipeline", href: "/pipeline" },
  { path: /^\/vehicles\/([^/]+)$/, file: "vehicle", title: "Vehicle" },
  { path: /^\/acts$/, file: "acts", title: "Who did what" },
];
const TITLES = { gold: "gold", online: "the online store", alerts: "alerts", telemetry: "live telemetry" };
const root = document.getElementById("page");
let end = () => {}, shown = 0;

function setQuery(query) {
  const kept = Object.entries(query).filter(([, value]) => value != null && value !== "");
  history.replaceState(null, "", kept.length ? `${location.pathname}?${new URLSearchParams(kept)}` : location.pathname);
}

async function go() {
  const page = PAGES.find(({ path }) => path.test(location.pathname)) ?? PAGES[0];
  const turn = ++shown;
  end();
  end = () => {};
  for (const link of document.querySelectorAll(".nav a")) {
    if (link.pathname === location.pathname) {
      link.setAttribute("aria-current", "page");
      link.parentElement.scrollLeft = link.offsetLeft - 60;
    } else link.removeAttribute("aria-current");
  }
  const { show } = await import(`./pages/${page.file}.js`);
  if (turn !== shown) return;
  const [, name] = page.path.exec(location.pathname) ?? [];
  document.title = `${name ? decodeURIComponent(name) : page.title} · voltlake`;
  replace(root, h(".empty", {}, "Loading\u2026"));
  root.className = `page-${page.file}`;
  const view = { name: name && decodeURIComponent(name), query: Object.fromEntries(new URLSearchParams(location.search)), setQuery, go: navigate };
  try {
    live.show({});
    end = (await show(root, view)) ?? (() => {});
  } catch (error) {
    replace(root, h(".panel", {}, h(".empty", {}, h("strong", {}, "This page cannot be shown"), error.message)));
  }
}

export function navigate(href) {
  history.pushState(null, "", href);
  go();
  root.focus({ preventScroll: true });
  scrollTo(0, 0);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.origin !== location.origin || link.download || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (!PAGES.some(({ path }) => path.test(link.pathname)) || link.hash) return;
  event.preventDefault();
  navigate(link.href);
});
addEventListener("popstate", go);

function searchBox() {
  const list = h(".found", { hidden: true, id: "found", role: "listbox", "aria-label": "Found" });
  let at = -1, timer = 0;
  const input = h("input.field", { type: "search", placeholder: "Find a vehicle", role: "combobox", "aria-label": "Find a vehicle, region or page", "aria-expanded": "false", "aria-controls": "found", autocomplete: "off", spellcheck: false,
    oninput: () => { clearTimeout(timer); timer = setTimeout(find, 120); },
    onkeydown: (event) => {
      const links = [...list.querySelectorAll("a")];
      if (event.key === "Escape") close();
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        at = (at + (event.key === "ArrowDown" ? 1 : -1) + links.length) % Math.max(1, links.length);
        links.forEach((link, index) => link.classList.toggle("is-on", index === at));
      } else if (event.key === "Enter" && links.length) links[Math.max(0, at)].click();
    } });
  const close = () => { list.hidden = true; at = -1; input.setAttribute("aria-expanded", "false"); };
  async function find() {
    const text = input.value.trim();
    if (!text) return close();
    const { found } = await ask("/api/search", { q: text }).catch(() => ({ found: [] }));
    replace(list, found.length ? found.map((one) => h("a", { href: one.href, role: "option", "aria-selected": "false", onclick: () => { close(); input.value = ""; } }, h("span", {}, one.title), h("span.muted.small", {}, one.note)))
      : h(".empty", {}, "Nothing has this name"));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }
  const box = h(".search", { onfocusout: (event) => !box.contains(event.relatedTarget) && setTimeout(close, 150) }, icon("search"), input, list);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) { event.preventDefault(); input.focus(); }
  });
  return box;
}

function connection() {
  const chip = h("span.connection.is-waiting", { role: "status", "aria-live": "off" }, h("span", {}, "Connecting"));
  const show = () => {
    const waiting = Object.entries(live.feeds).filter(([name, feed]) => TITLES[name] && !feed.live);
    const text = !live.isOpen ? "Reconnecting" : waiting.length ? `Waiting for ${TITLES[waiting[0][0]] ?? waiting[0][0]}` : "Live";
    chip.classList.toggle("is-live", live.isOpen && !waiting.length);
    chip.classList.toggle("is-waiting", !live.isOpen || waiting.length > 0);
    chip.title = !live.isOpen ? "The server does not answer; this page tries again by itself" : waiting.map(([, feed]) => feed.text).join("; ") || "All feeds are followed";
    if (chip.firstChild.textContent !== text) chip.firstChild.textContent = text;
  };
  live.addEventListener("connection", show);
  live.addEventListener("figures", show);
  return chip;
}

function menu() {
  const box = h(".menu-box", { hidden: true }, h("p.small.muted", {}, `${me.name} · ${me.role}`),
    me.role === "admin" && h("a.button.plain", { href: "/acts" }, "Who did what"),
    h("button.button.plain", { type: "button", onclick: async () => { await act("/signout", {}).catch((error) => notice(error.message, true)); location.assign("/signin"); } }, "Sign out"));
  const button = h("button.button.plain", { type: "button", "aria-label": `Account of ${me.name}`, "aria-expanded": "false", onclick: () => { box.hidden = !box.hidden; button.setAttribute("aria-expanded", String(!box.hidden)); } }, icon("person"));
  const whole = h(".menu", { onfocusout: (event) => !whole.contains(event.relatedTarget) && (box.hidden = true) }, button, box);
  return whole;
}

function turnTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", next);
  document.documentElement.dataset.theme = next;
  dispatchEvent(new Event("themechange"));
}

function bar() {
  const badge = h("span.badge", { hidden: true });
  const count = () => {
    const open = openAlerts().length;
    badge.hidden = !open;
    badge.textContent = open > 99 ? "99+" : String(open);
    badge.title = `${open} open`;
  };
  live.addEventListener("alerts", count);
  return h("header.bar", {},
    h("a.brand", { href: "/", "aria-label": "voltlake, fleet" }, h("img", { src: "/static/mark.svg", alt: "" }), h("span", {}, "voltlake")),
    h("nav.nav", { "aria-label": "Pages" }, PAGES.filter(({ href }) => href).map(({ href, title }) => h("a", { href }, title, href === "/alerts" && badge))),
    h(".bar-end", {}, searchBox(), connection(),
      h("button.button.plain", { type: "button", "aria-label": "Switch between dark and light", title: "Dark or light", onclick: turnTheme }, icon("contrast")), menu()));
}

document.getElementById("bar").replaceWith(Object.assign(bar(), { id: "bar" }));
live.start();
go();
Object.assign(window, { voltlake: { live, navigate } });
