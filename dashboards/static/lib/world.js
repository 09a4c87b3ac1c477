// The offline base map as one Leaflet layer on a canvas: land, borders, cities. Files as dashboards/basemap.py packs them.
import * as L from "../vendor/leaflet/leaflet-src.esm.js";
import { mercatorX, mercatorY } from "./fleet_store.js";

const FINE_FROM_ZOOM = 5;
const CITY_FROM = [[11, 50], [9, 100], [8, 200], [7, 350], [6, 700], [5, 1500], [4, 3000], [3, 6000], [0, 12000]]; // zoom, thousands of people

async function read(name) {
  const buffer = await (await fetch(`/static/map/${name}`)).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const bytes = new Uint8Array(buffer, 4 + size);
  let at = 0, lon = 0, lat = 0;
  const step = () => {
    let value = 0, shift = 0, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      shift += 7;
    } while (byte > 127);
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const arcs = header.points.map((count) => {
    const xs = new Float64Array(count), ys = new Float64Array(count);
    for (let index = 0; index < count; index++) {
      lon += step();
      lat += step();
      xs[index] = mercatorX(lon / 1e4);
      ys[index] = mercatorY(lat / 1e4);
    }
    return { xs, ys, west: Math.min(...bounds(xs)), east: Math.max(...bounds(xs)), north: Math.min(...bounds(ys)), south: Math.max(...bounds(ys)) };
  });
  const rings = header.land.map((ring) => {
    const parts = ring.map((arc) => arcs[arc < 0 ? ~arc : arc]), count = parts.reduce((sum, part) => sum + part.xs.length, 0);
    const xs = new Float64Array(count), ys = new Float64Array(count);
    let end = 0, turns = 0;
    ring.forEach((arc, part) => {
      const { xs: fromX, ys: fromY } = parts[part], size = fromX.length;
      for (let index = 0; index < size; index++) {
        const at = arc < 0 ? size - 1 - index : index;
        if (end && fromX[at] + turns - xs[end - 1] > 0.5) turns--; // across the date line a ring goes on, beyond the square
        else if (end && fromX[at] + turns - xs[end - 1] < -0.5) turns++;
        xs[end] = fromX[at] + turns;
        ys[end++] = fromY[at];
      }
    });
    const [west, east] = bounds(xs), [north, south] = bounds(ys);
    return { xs, ys, west, east, north, south };
  });
  return { rings, borders: header.borders.map((arc) => arcs[arc]) };
}

function bounds(values) {
  let least = Infinity, most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}

const files = {};
const once = (name, make) => (files[name] ??= make(name));

export const WorldLayer = L.Renderer.extend({
  initialize() {
    L.Renderer.prototype.initialize.call(this, { padding: 0.15, pane: "tilePane" });
  },
  onAdd(map) {
    L.Renderer.prototype.onAdd.call(this, map);
    once("world-low.bin", read).then((world) => { this.low = world; this.draw(); });
    once("cities.json", async (name) => (await (await fetch(`/static/map/${name}`)).json()).map(([city, lon, lat, people]) => ({ city, people, x: mercatorX(lon), y: mercatorY(lat) })))
      .then((cities) => { this.cities = cities; this.draw(); });
  },
  _initContainer() {
    this._container = L.DomUtil.create("canvas", "world-canvas");
    this._container.setAttribute("aria-hidden", "true");
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
    if (this._map.getZoom() >= FINE_FROM_ZOOM && !this.fine) once("world.bin", read).then((world) => { this.fine = world; this.draw(); });
    this.draw();
  },
  draw() {
    if (!this._container || !this._bounds || this._map._animatingZoom) return;
    const pen = this._container.getContext("2d"), ratio = window.devicePixelRatio || 1, zoom = this._map.getZoom();
    const scale = 256 * 2 ** zoom, corner = this._map.getPixelOrigin().add(this._bounds.min), { x: width, y: height } = this._bounds.getSize();
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(`--${name}`);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colour("sea");
    pen.fillRect(0, 0, width, height);
    const world = zoom >= FINE_FROM_ZOOM ? this.fine ?? this.low : this.low;
    if (!world) return;
    for (let copy = Math.floor(corner.x / scale) - 1; copy <= Math.floor((corner.x + width) / scale) + 1; copy++) this.drawWorld(pen, world, { scale, zoom, width, height, left: corner.x - copy * scale, top: corner.y, colour });
  },
  drawWorld(pen, { rings, borders }, view) {
    const { scale, width, height, left, top, colour } = view;
    const west = (left - 20) / scale, east = (left + width + 20) / scale, north = (top - 20) / scale, south = (top + height + 20) / scale;
    const inView = (part) => part.east >= west && part.west <= east && part.south >= north && part.north <= south;
    const along = ({ xs, ys }) => {
      pen.moveTo(xs[0] * scale - left, ys[0] * scale - top);
      for (let at = 1; at < xs.length; at++) pen.lineTo(xs[at] * scale - left, ys[at] * scale - top);
    };
    pen.beginPath();
    for (const ring of rings) if (inView(ring)) along(ring);
    pen.fillStyle = colour("land");
    pen.fill("evenodd");
    pen.lineWidth = 1;
    pen.lineJoin = "round";
    pen.strokeStyle = colour("coast");
    pen.stroke();
    pen.beginPath();
    for (const arc of borders) if (inView(arc)) along(arc);
    pen.strokeStyle = colour("border");
    pen.stroke();
    if (left > scale || left + width < 0) return; // a neighbour, drawn for what reaches over from it
    this.drawGrid(pen, view);
    if (this.cities) this.drawCities(pen, view);
  },
  // Where land and borders no longer tell where one is, a fine grid of degrees gives a measure.
  drawGrid(pen, { scale, zoom, width, height, left, top, colour }) {
    const step = { 9: 0.5, 10: 0.2, 11: 0.1, 12: 0.05, 13: 0.02, 14: 0.01 }[Math.floor(zoom)];
    if (!step) return;
    pen.globalAlpha = 0.6;
    pen.strokeStyle = colour("border");
    pen.beginPath();
    const lonOf = (x) => ((left + x) / scale) * 360 - 180, latOf = (y) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * (top + y)) / scale))) * 180) / Math.PI;
    for (let lon = Math.ceil(lonOf(0) / step) * step; lon < lonOf(width); lon += step) {
      const x = Math.round(mercatorX(lon) * scale - left) + 0.5;
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
    }
    for (let lat = Math.ceil(latOf(height) / step) * step; lat < latOf(0); lat += step) {
      const y = Math.round(mercatorY(lat) * scale - top) + 0.5;
      pen.moveTo(0, y);
      pen.lineTo(width, y);
    }
    pen.stroke();
    pen.globalAlpha = 1;
  },
  drawCities(pen, { scale, zoom, width, height, left, top, colour }) {
    const least = CITY_FROM.find(([from]) => zoom >= from)[1], taken = new Set();
    pen.font = "500 11px Inter, system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.lineWidth = 3;
    pen.strokeStyle = colour("land");
    pen.fillStyle = colour("city");
    for (const { city, people, x, y } of this.cities) {
      if (people < least) break;
      const at = x * scale - left, down = y * scale - top;
      if (at < -80 || at > width + 20 || down < -20 || down > height + 20) continue;
      const cells = [];
      for (let column = Math.floor(at / 40); column <= Math.floor((at + 14 + 6.2 * city.length) / 40); column++) cells.push(`${column}/${Math.floor(down / 20)}`);
      if (cells.some((cell) => taken.has(cell))) continue;
      cells.forEach((cell) => taken.add(cell));
      pen.beginPath();
      pen.arc(at, down, 2, 0, 7);
      pen.fill();
      pen.strokeText(city, at + 6, down);
      pen.fillText(city, at + 6, down);
    }
  },
});
