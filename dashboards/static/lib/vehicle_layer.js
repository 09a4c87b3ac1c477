// Thousands of moving vehicles on one canvas. Near ones become a ring with a count at low zoom; each stands alone close up.
import * as L from "../vendor/leaflet/leaflet-src.esm.js";
import { GLIDE_MS, STATES } from "./fleet_store.js";

const RADIUS = [6.5, 5.5, 5.5, 4.5, 4];
const CELL_PX = 56, APART_FROM_ZOOM = 11, FRAME_MS = 1000 / 30;

// The pixels of a sprite that are not clear, with their colours as the image's memory has them.
function pixelsOf({ data, width }) {
  const xs = [], ys = [], colours = [], whole = new Uint32Array(data.buffer);
  whole.forEach((colour, index) => {
    if (colour >>> 24 < 8) return;
    xs.push(index % width);
    ys.push(Math.floor(index / width));
    colours.push(colour);
  });
  return { xs: Int32Array.from(xs), ys: Int32Array.from(ys), colours: Uint32Array.from(colours) };
}

export const VehicleLayer = L.Renderer.extend({
  initialize(store, { choose, accept }) {
    L.Renderer.prototype.initialize.call(this, { padding: 0.1 });
    Object.assign(this, { store, choose, accept: accept ?? (() => true), chosen: -1, groups: [], frames: 0, apart: APART_FROM_ZOOM });
  },
  onAdd(map) {
    L.Renderer.prototype.onAdd.call(this, map);
    this.tip = L.tooltip({ direction: "top", className: "map-tip", opacity: 1 });
    this.running = true;
    const frame = (at) => {
      if (!this.running) return;
      requestAnimationFrame(frame);
      if (at - (this.drawnAt ?? 0) < (this.tookMs > 6 ? FRAME_MS - 4 : 12) || !this.isStale(at)) return; // 60 a second where that is cheap, else 30
      this.drawnAt = at;
      this.draw();
      this.tookMs = 0.8 * (this.tookMs ?? 0) + 0.2 * this.lastMs;
    };
    requestAnimationFrame(frame);
  },
  onRemove(map) {
    this.running = false;
    L.Renderer.prototype.onRemove.call(this, map);
  },
  isStale(at) {
    return this.drawnRevision !== this.store.revision || this.dirty || at - (this.store.lastMove ?? 0) < GLIDE_MS + 50;
  },
  touch() {
    this.dirty = true;
    this.clusteredAt = 0;
  },
  _initContainer() {
    this._container = L.DomUtil.create("canvas", "vehicle-canvas leaflet-interactive");
    this._container.setAttribute("role", "img");
    this._container.setAttribute("aria-label", "Vehicles on the map; the table below lists them");
    this._container.addEventListener("mousemove", (event) => this.hover(event));
    this._container.addEventListener("mouseleave", () => this.tip?.remove());
    this._container.addEventListener("click", (event) => this.click(event));
  },
  _destroyContainer() {
    this._container.remove();
    delete this._container;
  },
  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const { x, y } = this._bounds.getSize(), ratio = window.devicePixelRatio || 1;
    L.DomUtil.setPosition(this._container, this._bounds.min);
    Object.assign(this._container, { width: ratio * x, height: ratio * y });
    this._container.style.width = `${x}px`;
    this._container.style.height = `${y}px`;
    this.clusteredAt = 0;
    this.draw();
  },
  paint() {
    const style = getComputedStyle(document.documentElement), ratio = window.devicePixelRatio || 1;
    this.colours = Object.fromEntries([...STATES, "surface", "ink", "amber", "accent"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.sprites = STATES.map((state, index) => {
      const radius = RADIUS[index], size = 2 * Math.ceil(radius + (state === "alert" ? 7 : 2));
      const sprite = Object.assign(document.createElement("canvas"), { width: size * ratio, height: size * ratio });
      const pen = sprite.getContext("2d");
      pen.scale(ratio, ratio);
      const disc = (r, colour, opacity = 1) => { pen.globalAlpha = opacity; pen.beginPath(); pen.arc(size / 2, size / 2, r, 0, 7); pen.fillStyle = colour; pen.fill(); };
      if (state === "alert") disc(radius + 6, this.colours.alert, 0.22);
      disc(radius + 1.25, state === "offline" ? this.colours.offline : this.colours.surface);
      disc(radius, state === "offline" ? this.colours.surface : this.colours[state]);
      return { pixels: pixelsOf(pen.getImageData(0, 0, sprite.width, sprite.height)), half: Math.floor(sprite.width / 2) };
    });
    this.blocks = null;
    this.theme = document.documentElement.dataset.theme;
  },
  draw() {
    if (!this._container || !this._bounds || this._map._animatingZoom) return;
    if (!this.sprites || this.theme !== document.documentElement.dataset.theme) this.paint();
    const now = performance.now(), zoom = this._map.getZoom(), ratio = window.devicePixelRatio || 1;
    const pen = this._container.getContext("2d"), scale = 256 * 2 ** zoom, corner = this._map.getPixelOrigin().add(this._bounds.min);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this._container.width, this._container.height);
    if (zoom < this.apart) this.drawGroups(pen, scale, corner, now);
    else this.drawEach(pen, scale, corner, now, null);
    this.frames++;
    this.lastMs = performance.now() - now;
    this.dirty = false;
    this.drawnRevision = this.store.revision;
  },
  // Where a vehicle is shown now, in pixels of the canvas, between where it was and where it is.
  at(place, scale, corner, now) {
    const store = this.store, share = Math.min(1, (now - store.movedAt[place]) / GLIDE_MS);
    return [(store.fromX[place] + (store.x[place] - store.fromX[place]) * share) * scale - corner.x, (store.fromY[place] + (store.y[place] - store.fromY[place]) * share) * scale - corner.y];
  },
  drawEach(pen, scale, corner, now, places) {
    const store = this.store, { x: width, y: height } = this._bounds.getSize(), layers = STATES.map(() => []), { fromX, fromY, movedAt } = store;
    for (let index = 0, count = places ? places.length : store.count; index < count; index++) {
      const place = places ? places[index] : index;
      if (Number.isNaN(store.x[place]) || !this.accept(place)) continue;
      const share = Math.min(1, (now - movedAt[place]) / GLIDE_MS);
      const x = (fromX[place] + (store.x[place] - fromX[place]) * share) * scale - corner.x, y = (fromY[place] + (store.y[place] - fromY[place]) * share) * scale - corner.y;
      if (x > -12 && y > -12 && x < width + 12 && y < height + 12) layers[store.state[place]].push(place, x, y);
    }
    if (!places) this.singles = layers;
    this.stamp(pen, layers);
    if (this.chosen >= 0 && !Number.isNaN(store.x[this.chosen]) && (!places || places.includes(this.chosen))) this.ring(pen, ...this.at(this.chosen, scale, corner, now), 10);
  },
  // Copies sprites into one image, pixel by pixel: without a GPU that is many times faster than as many calls of drawImage.
  stamp(pen, layers) {
    const { width, height } = this._container, ratio = window.devicePixelRatio || 1;
    if (!layers.some((layer) => layer.length)) return;
    if (this.blocks?.width !== width || this.blocks?.height !== height) {
      this.blocks = { width, height, image: new ImageData(width, height), sprites: this.sprites.map(({ pixels, half }) => ({ half, colours: pixels.colours, offsets: pixels.xs.map((x, index) => x + pixels.ys[index] * width) })) };
      this.blocks.data = new Uint32Array(this.blocks.image.data.buffer);
      this.spare = Object.assign(document.createElement("canvas"), { width, height });
    }
    const { data, image, sprites } = this.blocks;
    data.fill(0);
    for (let state = STATES.length - 1; state >= 0; state--) {
      const layer = layers[state], { half, offsets, colours } = sprites[state], count = offsets.length;
      for (let at = 0; at < layer.length; at += 3) {
        const x = Math.round(layer[at + 1] * ratio) - half, y = Math.round(layer[at + 2] * ratio) - half;
        if (x < 0 || y < 0 || x + 2 * half + 2 >= width || y + 2 * half + 2 >= height) continue;
        const base = x + y * width;
        for (let index = 0; index < count; index++) {
          const to = base + offsets[index], colour = colours[index];
          if (colour >= 0xfe000000 || data[to] === 0) data[to] = colour; // a sprite's soft edge does not cover what is there
        }
      }
    }
    this.spare.getContext("2d").putImageData(image, 0, 0);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(this.spare, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  },
  ring(pen, x, y, radius) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.lineWidth = 2.5;
    pen.strokeStyle = this.colours.accent;
    pen.stroke();
  },
  // Groups hold for a second: within it only their members' means glide on.
  cluster(scale, corner, now) {
    const store = this.store, cells = new Map(), size = CELL_PX / scale, margin = 40 / scale, { x: width, y: height } = this._bounds.getSize();
    const west = corner.x / scale - margin, east = (corner.x + width) / scale + margin, north = corner.y / scale - margin, south = (corner.y + height) / scale + margin;
    for (let place = 0; place < store.count; place++) {
      const x = store.x[place], y = store.y[place];
      if (!(x >= west && x <= east && y >= north && y <= south) || !this.accept(place)) continue;
      const key = Math.floor(x / size) * 1e7 + Math.floor(y / size);
      let cell = cells.get(key);
      if (!cell) cells.set(key, (cell = { places: [], x: 0, y: 0, counts: [0, 0, 0, 0, 0] }));
      cell.places.push(place);
      cell.x += x;
      cell.y += y;
      cell.counts[store.state[place]]++;
    }
    const found = [...cells.values()].sort((one, other) => other.places.length - one.places.length), reach = CELL_PX / scale, groups = [];
    const grid = new Map(), keyOf = (x, y) => Math.floor(x / reach) * 1e7 + Math.floor(y / reach);
    for (const cell of found) {
      const x = cell.x / cell.places.length, y = cell.y / cell.places.length;
      let near = null;
      for (let dx = -1; dx <= 1 && !near; dx++) for (let dy = -1; dy <= 1 && !near; dy++) near = (grid.get(keyOf(x + dx * reach, y + dy * reach)) ?? []).find((group) => Math.hypot(group.mx - x, group.my - y) < reach * 0.8);
      if (near) {
        near.places.push(...cell.places);
        cell.counts.forEach((count, state) => (near.counts[state] += count));
      } else {
        const group = { places: cell.places, counts: cell.counts, mx: x, my: y };
        groups.push(group);
        const key = keyOf(x, y);
        grid.set(key, [...(grid.get(key) ?? []), group]);
      }
    }
    this.clusteredAt = now;
    this.clusteredScale = scale;
    return groups;
  },
  drawGroups(pen, scale, corner, now) {
    if (!this.clusteredAt || now - this.clusteredAt > 1000 || this.clusteredScale !== scale) this.groups = this.cluster(scale, corner, now);
    const singles = [];
    for (const group of this.groups) {
      if (group.places.length === 1) {
        singles.push(group.places[0]);
        [group.x, group.y] = this.at(group.places[0], scale, corner, now);
        group.radius = RADIUS[this.store.state[group.places[0]]];
        continue;
      }
      group.x = group.mx * scale - corner.x;
      group.y = group.my * scale - corner.y;
      group.radius = Math.min(34, 12 + 2.2 * Math.log2(group.places.length));
      this.drawGroup(pen, group);
    }
    this.drawEach(pen, scale, corner, now, singles);
  },
  drawGroup(pen, { places, counts, x, y, radius }) {
    if (counts[0]) {
      pen.globalAlpha = 0.22;
      this.disc(pen, x, y, radius + 6, this.colours.alert);
      pen.globalAlpha = 1;
    }
    this.disc(pen, x, y, radius + 1.5, this.colours.surface);
    let from = -Math.PI / 2;
    counts.forEach((count, state) => {
      if (!count) return;
      const to = from + (2 * Math.PI * count) / places.length;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.arc(x, y, radius, from, to);
      pen.fillStyle = this.colours[STATES[state]];
      pen.fill();
      from = to;
    });
    this.disc(pen, x, y, radius - 4, this.colours.surface);
    if (this.chosen >= 0 && places.includes(this.chosen)) this.ring(pen, x, y, radius + 4);
    pen.fillStyle = this.colours.ink;
    pen.font = `600 ${places.length > 999 ? 11 : 12}px Inter, system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(places.length > 9999 ? `${(places.length / 1000).toFixed(0)}k` : places.length, x, y + 0.5);
  },
  disc(pen, x, y, radius, colour) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fillStyle = colour;
    pen.fill();
  },
  // What is under the mouse: the places of a group, or of one vehicle.
  under(event) {
    const at = this._map.mouseEventToLayerPoint(event).subtract(this._bounds.min);
    if (this._map.getZoom() < this.apart) return this.groups.find(({ x, y, radius }) => Math.hypot(x - at.x, y - at.y) <= radius + 3);
    for (const layer of this.singles ?? []) for (let index = layer.length - 3; index >= 0; index -= 3) if (Math.hypot(layer[index + 1] - at.x, layer[index + 2] - at.y) <= 9) return { places: [layer[index]], x: layer[index + 1], y: layer[index + 2], radius: 6 };
    return null;
  },
  hover(event) {
    const group = this.under(event);
    this._container.style.cursor = group ? "pointer" : "";
    if (!group) return this.tip.remove();
    this.tip.options.offset = [0, -group.radius];
    this.tip.setLatLng(this._map.layerPointToLatLng(this._bounds.min.add([group.x, group.y]))).setContent(this.describe(group.places));
    if (!this._map.hasLayer(this.tip)) this.tip.addTo(this._map);
  },
  click(event) {
    const group = this.under(event);
    if (!group) return;
    this.tip.remove();
    if (group.places.length === 1) return this.choose(group.places[0]);
    this.bring(group.places, this.apart);
  },
  bring(places, maxZoom = 8) {
    const points = [...places].filter((place) => !Number.isNaN(this.store.x[place])).map((place) => [this.store.lat[place], this.store.lon[place]]);
    if (points.length) this._map.fitBounds(L.latLngBounds(points), { maxZoom, padding: [40, 40] });
  },
});
