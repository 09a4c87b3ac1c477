// How the table of vehicles writes its cells. Numbers come as they are and get their unit here.
window.vehicleTable = (() => {
  let lead_ms = 0; // how far this browser's clock is ahead of the server's

  const number = (value, digits) => value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "\u2212");
  const amount = (digits, unit) => ({ value }) => (value == null ? "\u2013" : `${number(value, digits)} ${unit}`);

  function age({ value }) {
    if (value == null) return "\u2013";
    const s = Math.max(0, value);
    if (s < 10) return `${s.toFixed(1)} s`;
    if (s < 100) return `${s.toFixed(0)} s`;
    return s < 6000 ? `${(s / 60).toFixed(0)} min` : s < 172800 ? `${(s / 3600).toFixed(0)} h` : `${(s / 86400).toFixed(0)} d`;
  }

  return {
    speed: amount(0, "km/h"),
    percent: amount(0, "%"),
    power: amount(1, "kW"),
    celsius: amount(1, "\u00b0C"),
    age,
    ageOf: ({ data }) => (Date.now() - lead_ms - data.event_ms) / 1000,
    title: ({ value }) => value[0].toUpperCase() + value.slice(1),
    stateClass: ({ value }) => `state state-${value}`,
    charge: ({ value }) => ({ "--share": (value ?? 0) / 100 }),
    reveal(api, id) {
      const node = api.getRowNode(id);
      if (node) api.ensureNodeVisible(node);
    },
    setClock: (server_ms) => (lead_ms = Date.now() - server_ms),
  };
})();
