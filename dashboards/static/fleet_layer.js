// A Leaflet layer of many vehicles on one canvas, told in one message what changed: L.fleet().
// A row: [vehicle id, latitude, longitude, state, synthetic position, speed, state of charge, power].
(() => {
  const STATES = ["alert", "charging", "driving", "parked", "offline"];
  const RADIUS = { alert: 7, charging: 6, driving: 6, parked: 5, offline: 4.5 };
  const REACH = 64; // pixels; nearer ones are drawn as one group
  const APART_FROM_ZOOM = 11; // from here on every vehicle stands alone

  const line = (text, name) => Object.assign(document.createElement("div"), { textContent: text, className: name ?? "" });
  const title = (text) => text[0].toUpperCase() + text.slice(1);

  function tooltip({ places }) {
    const box = document.createElement("div");
    if (places.length > 1) {
      box.append(line(`${places.length} vehicles`, "tip-name"));
      for (const [state, number] of fleetGroups.parts(places, STATES)) box.append(line(`${number} ${state}`, `state state-${state}`));
      return box;
    }
    const [id, , , state, synthetic, ...values] = places[0].row;
    box.append(line(id, "tip-name"), line(title(state), `state state-${state}`), line(values.join("  ·  ")));
    if (synthetic) box.append(line("Synthetic position: the recording has none", "tip-note"));
    return box;
  }

  L.FleetLayer = L.Renderer.extend({
    initialize() {
      L.Renderer.prototype.initialize.call(this, { padding: 0.2 });
      this.rows = new Map();
      this.groups = [];
      this.chosen = null;
      this.tip = L.tooltip({ direction: "top", className: "fleet-tip", opacity: 1 });
    },

    // Add, move and colour vehicles; the first ones that come are brought into view.
    show({ rows, gone }) {
      for (const id of gone) this.rows.delete(id);
      for (const row of rows) {
        if (row[1] === null) this.rows.delete(row[0]);
        else this.rows.set(row[0], row);
      }
      if (!this.framed && this.rows.size) this.frame();
      this.draw();
    },

    // Ring the chosen vehicle and bring it into view; null rings none.
    choose(id) {
      this.chosen = id;
      const row = this.rows.get(id);
      if (row && !this._map.getBounds().pad(-0.05).contains([row[1], row[2]])) this._map.panTo([row[1], row[2]]);
      this.draw();
    },

    // All vehicles in view.
    frame() {
      this.framed = true;
      this.bring([...this.rows.values()], 8);
    },

    bring(rows, maxZoom) {
      if (rows.length) this._map.fitBounds(L.latLngBounds(rows.map((row) => [row[1], row[2]])), { maxZoom, padding: [36, 36] });
    },

    _initContainer() {
      this._map.attributionControl.setPrefix(false);
      this._container = document.createElement("canvas");
      this._container.className = "fleet-canvas";
      this._container.addEventListener("mousemove", (event) => this.hover(event));
      this._container.addEventListener("mouseleave", () => this.tip.remove());
      this._container.addEventListener("click", (event) => this.click(event));
    },

    _destroyContainer() {
      this._container.remove();
      delete this._container;
    },

    _update() {
      if (this._map._animatingZoom && this._bounds) return;
      L.Renderer.prototype._update.call(this);
      const { x, y } = this._bounds.getSize();
      const ratio = window.devicePixelRatio || 1;
      L.DomUtil.setPosition(this._container, this._bounds.min);
      Object.assign(this._container, { width: ratio * x, height: ratio * y });
      Object.assign(this._container.style, { width: `${x}px`, height: `${y}px` });
      this._map.getPane("tilePane").style.opacity = fleetGrid.tileOpacity(this._map.getZoom());
      this.draw();
    },

    draw() {
      if (!this._container || !this._bounds || this._map._animatingZoom) return;
      const origin = this._map.getPixelOrigin();
      const places = [];
      for (const row of this.rows.values()) {
        const at = this._map.project([row[1], row[2]]);
        if (this._bounds.contains(at.subtract(origin))) places.push({ row, x: at.x, y: at.y });
      }
      const reach = this._map.getZoom() < APART_FROM_ZOOM ? REACH : 0;
      const rank = ({ places }) => (places.length > 1 ? 10 : 0) + STATES.length - STATES.indexOf(places[0].row[3]);
      this.groups = fleetGroups.grouped(places, reach).sort((one, other) => rank(one) - rank(other));
      const pen = this._container.getContext("2d");
      const ratio = window.devicePixelRatio || 1;
      const style = getComputedStyle(document.body);
      this.colours = Object.fromEntries([...STATES, "surface", "ink", "muted", "edge", "chosen"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, this._container.width, this._container.height);
      const shift = origin.add(this._bounds.min);
      pen.setTransform(ratio, 0, 0, ratio, -ratio * shift.x, -ratio * shift.y);
      fleetGrid.draw(pen, this._map, shift, this.colours);
      for (const group of this.groups) group.places.length > 1 ? this.drawGroup(pen, group) : this.drawVehicle(pen, group);
    },

    drawVehicle(pen, group) {
      const [id, , , state] = group.places[0].row;
      group.radius = RADIUS[state];
      if (state === "alert") this.disc(pen, group, 13, this.colours.alert, 0.25);
      if (id === this.chosen) this.disc(pen, group, group.radius + 5, this.colours.chosen);
      this.disc(pen, group, group.radius + 1.5, state === "offline" ? this.colours.offline : this.colours.surface);
      this.disc(pen, group, group.radius, state === "offline" ? this.colours.surface : this.colours[state]);
    },

    drawGroup(pen, group) {
      const { places, x, y } = group;
      const radius = (group.radius = Math.min(30, 13 + 3.2 * Math.log2(places.length)));
      const parts = fleetGroups.parts(places, STATES);
      if (parts[0][0] === "alert") this.disc(pen, group, radius + 6, this.colours.alert, 0.25);
      if (places.some(({ row }) => row[0] === this.chosen)) this.disc(pen, group, radius + 4, this.colours.chosen);
      this.disc(pen, group, radius + 1.5, this.colours.surface);
      let from = -Math.PI / 2;
      for (const [state, number] of parts) {
        const to = from + (2 * Math.PI * number) / places.length;
        pen.beginPath();
        pen.moveTo(x, y);
        pen.arc(x, y, radius, from, to);
        pen.fillStyle = this.colours[state];
        pen.fill();
        from = to;
      }
      this.disc(pen, group, radius - 5, this.colours.surface);
      pen.fillStyle = this.colours.ink;
      pen.font = `600 ${places.length > 999 ? 11 : 12}px Roboto, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(places.length, x, y + 0.5);
    },

    disc(pen, { x, y }, radius, colour, opacity = 1) {
      pen.globalAlpha = opacity;
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fillStyle = colour;
      pen.fill();
      pen.globalAlpha = 1;
    },

    // The group that is on top under the mouse.
    under(event) {
      const at = this._map.mouseEventToLayerPoint(event).add(this._map.getPixelOrigin());
      return this.groups.findLast(({ x, y, radius }) => Math.hypot(x - at.x, y - at.y) <= radius + 3);
    },

    hover(event) {
      const group = this.under(event);
      this._container.style.cursor = group ? "pointer" : "";
      if (!group) return this.tip.remove();
      this.tip.options.offset = [0, -group.radius];
      this.tip.setLatLng(this._map.unproject([group.x, group.y])).setContent(tooltip(group));
      if (!this._map.hasLayer(this.tip)) this.tip.addTo(this._map);
    },

    click(event) {
      const group = this.under(event);
      if (!group) return;
      if (group.places.length === 1) return emitEvent("vehicle_chosen", group.places[0].row[0]);
      this.tip.remove();
      this.bring(group.places.map(({ row }) => row), APART_FROM_ZOOM);
    },
  });

  L.fleet = () => new L.FleetLayer();
})();
