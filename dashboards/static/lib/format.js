// Numbers as a person reads them: a unit always, a true minus sign, a dash where nothing is known.
export const NOTHING = "\u2013";

export function number(value, digits = 0) {
  if (value == null || Number.isNaN(value)) return NOTHING;
  const text = Math.abs(value).toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, (_, __, at, all) => (all.lastIndexOf(".") >= 0 && at > all.lastIndexOf(".") ? "" : "\u202f"));
  return value < 0 && Number(text.replaceAll("\u202f", "")) ? `\u2212${text}` : text;
}

export const amount = (value, unit, digits = 0) => (value == null || Number.isNaN(value) ? NOTHING : `${number(value, digits)}${unit ? `\u00a0${unit}` : ""}`);

export function age(seconds) {
  if (seconds == null || Number.isNaN(seconds)) return NOTHING;
  const s = Math.max(0, seconds);
  if (s < 10) return `${s.toFixed(1)}\u00a0s`;
  if (s < 100) return `${s.toFixed(0)}\u00a0s`;
  return s < 6000 ? `${(s / 60).toFixed(0)}\u00a0min` : s < 172800 ? `${(s / 3600).toFixed(0)}\u00a0h` : `${(s / 86400).toFixed(0)}\u00a0d`;
}

export const duration = (minutes) => (minutes == null ? NOTHING : minutes < 60 ? `${Math.round(minutes)}\u00a0min` : `${Math.floor(minutes / 60)}\u00a0h ${Math.round(minutes % 60)}\u00a0min`);

const two = (value) => String(value).padStart(2, "0");
export function clock(ms) {
  if (ms == null) return NOTHING;
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
export function moment(ms) {
  if (ms == null) return NOTHING;
  const at = new Date(ms);
  const today = new Date().toDateString() === at.toDateString();
  return today ? clock(ms) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export const title = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
export const words = (name) => title(String(name ?? "").replaceAll("_", " "));

const TITLES = { soc_pct: "State of charge", soh_pct: "State of health", pack_w: "Pack power", pack_v: "Pack voltage", pack_a: "Pack current", pack_temp_c: "Pack temperature", pack_temp_max_c: "Hottest probe", pack_temp_min_c: "Coldest probe", cell_v_min: "Lowest cell", cell_v_max: "Highest cell", ambient_c: "Outside temperature", cabin_c: "Inside temperature", hvac_w: "Climate power", lv_v: "12 V battery", lat: "Latitude", lon: "Longitude", dtc_count: "Fault codes", odometer_m: "Odometer", range_m: "Range" };
const UNIT_ENDINGS = /_(pct|kmh|kwh|kw|w|v|a|c|m|s|nm|rpm|kpa|kohm|ah|deg|degs|ms2|mv|wh)$/;
// A signal or feature as a person calls it.
export const signalTitle = (name) => TITLES[name] ?? words(String(name).replace(UNIT_ENDINGS, ""));

const SYMBOLS = { percent: "%", Celsius: "°C", degrees: "°", "m/s^2": "m/s²", "degrees/s": "°/s", kOhm: "kΩ" };
const LARGER = { W: [1000, "kW"], m: [1000, "km"] };

// A signal's value with its unit, as the catalogue has them: {unit, digits}.
export function shownUnit(unit) {
  const [factor, shown] = LARGER[unit] ?? [1, SYMBOLS[unit] ?? unit];
  return { factor, unit: shown };
}
export function reading(value, unit, name = "") {
  if (value == null) return NOTHING;
  const shown = shownUnit(unit ?? "");
  const digits = name.startsWith("cell_v") ? 3 : Math.abs(value / shown.factor) >= 1000 || !unit ? 0 : 1;
  return amount(value / shown.factor, shown.unit, digits);
}
