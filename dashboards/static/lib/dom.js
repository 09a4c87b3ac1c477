// Elements from plain values: h("p.note", {title: "…"}, "text", h("b", {}, "more")). Text is text: nothing is ever parsed as HTML.
const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, shown] of Object.entries(value)) element.style.setProperty(key, shown);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && !(element instanceof SVGElement) && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

export function h(what, props, ...children) {
  const [tag, ...names] = what.split(".");
  const element = document.createElement(tag || "div");
  if (names.length) element.className = names.join(" ");
  return fill(element, props, children);
}

export function s(what, props, ...children) {
  const [tag, ...names] = what.split(".");
  const element = document.createElementNS(SVG, tag);
  if (names.length) element.setAttribute("class", names.join(" "));
  return fill(element, props, children);
}

const PATHS = {
  search: "M11 19a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM21 21l-4.3-4.3",
  contrast: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20a7.500 7.500 0 0 1 15 0",
  download: "M12 4v11M7.500 11 12 15.500 16.500 11M5 20h14",
  frame: "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4",
  close: "M6 6l12 12M18 6 6 18",
  sound: "M11 5 6 9H3v6h3l5 4zM15.500 9a4.500 4.500 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11",
  mute: "M11 5 6 9H3v6h3l5 4zM16 9.500l5 5M21 9.500l-5 5",
};
export const icon = (name) => s("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));

export const replace = (element, ...children) => element.replaceChildren(...children.flat(Infinity).filter((child) => child != null && child !== false));

export function panel(title, { tools, span, name } = {}, ...body) {
  const label = h("h2", {}, title);
  return h(`section.panel${span ? `.span-${span}` : ""}${name ? `.${name}` : ""}`, { "aria-label": title }, h(".panel-head", {}, label, tools && h(".tools", {}, tools)), ...body);
}

export const empty = (what, why) => h(".empty", {}, h("strong", {}, what), why);

export function notice(text, bad = false) {
  const shown = h(`.notice${bad ? ".is-bad" : ""}`, {}, text);
  document.getElementById("notices").append(shown);
  setTimeout(() => shown.remove(), bad ? 9000 : 5000);
}

export function choice(label, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === chosen), onclick: () => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === buttons[options.findIndex(([one]) => one === value)]));
      choose(value);
    } }, text));
  return h(".choice", { role: "group", "aria-label": label }, buttons);
}

export function select(label, options, chosen, choose) {
  return h("select.select", { "aria-label": label, onchange: (event) => choose(event.target.value) },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}
