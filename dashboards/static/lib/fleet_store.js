// The newest values of every vehicle, a typed array a signal, fed with blocks as dashboards/live/wire.py describes them.
export const STATES = ["alert", "charging", "driving", "parked", "offline"];
const UNKNOWN_32 = -2147483648, UNKNOWN_16 = -32768;

// Web Mercator on a square of side 1.
export const mercatorX = (lon) => (lon + 180) / 360;
export const mercatorY = (lat) => {
  const sine = Math.sin((Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
};

export class FleetStore {
  constructor() {
    this.names = [];
    this.regions = [];
    this.place = new Map();
    this.leadMs = 0; // how far this browser's clock is ahead of the server's
    this.revision = 0;
    this.grow(256);
  }

  grow(size) {
    const kinds = { event: Float64Array, lat: Float64Array, lon: Float64Array, x: Float64Array, y: Float64Array, fromX: Float64Array, fromY: Float64Array, movedAt: Float64Array,
      speed: Float32Array, power: Float32Array, temp: Float32Array, soc: Float32Array, state: Uint8Array, flags: Uint8Array };
    for (const [name, Kind] of Object.entries(kinds)) {
      const larger = new Kind(size);
      if (this[name]) larger.set(this[name]);
      else if (name === "x" || name === "y" || name === "lat" || name === "lon") larger.fill(NaN);
      if (this[name] && (name === "x" || name === "lat" || name === "lon" || name === "y")) larger.fill(NaN, this[name].length);
      this[name] = larger;
    }
    this.size = size;
  }

  get count() {
    return this.names.length;
  }

  name({ from, names, regions }) {
    if (from === 0 && this.names.length && this.names[0] !== names[0]) this.forget();
    this.names.length = Math.min(this.names.length, from);
    this.regions.length = this.names.length;
    this.names.push(...names);
    this.regions.push(...regions);
    names.forEach((name, index) => this.place.set(name, from + index));
    if (this.names.length > this.size) this.grow(2 ** Math.ceil(Math.log2(this.names.length)));
  }

  forget() {
    this.names = [];
    this.regions = [];
    this.place.clear();
    this.x.fill(NaN);
  }

  // A block; returns the places that it is about.
  take(buffer) {
    const view = new DataView(buffer);
    const now = view.getFloat64(0, true), count = view.getUint32(8, true);
    this.leadMs = Date.now() - now;
    const places = new Uint32Array(buffer, 16, count), ages = new Uint32Array(buffer, 16 + 4 * count, count);
    const lats = new Int32Array(buffer, 16 + 8 * count, count), lons = new Int32Array(buffer, 16 + 12 * count, count);
    const small = (index) => new Int16Array(buffer, 16 + 16 * count + 2 * index * count, count);
    const [speeds, powers, temps, charges] = [small(0), small(1), small(2), small(3)];
    const states = new Uint8Array(buffer, 16 + 24 * count, count), flags = new Uint8Array(buffer, 16 + 25 * count, count);
    const known = (value, factor) => (value === UNKNOWN_16 ? NaN : value * factor);
    const at = performance.now();
    for (let index = 0; index < count; index++) {
      const place = places[index];
      this.event[place] = now - ages[index];
      this.speed[place] = known(speeds[index], 0.1);
      this.power[place] = known(powers[index], 0.1);
      this.temp[place] = known(temps[index], 0.1);
      this.soc[place] = known(charges[index], 0.01);
      this.state[place] = states[index];
      this.flags[place] = flags[index];
      if (lats[index] !== UNKNOWN_32 && lons[index] !== UNKNOWN_32) this.move(place, lats[index] * 1e-6, lons[index] * 1e-6, at);
    }
    this.revision++;
    return places;
  }

  // Vehicles glide from where they are shown to where they are, over the second until the next frame.
  move(place, lat, lon, at) {
    if (lat === this.lat[place] && lon === this.lon[place]) return;
    const x = mercatorX(lon), y = mercatorY(lat), isNew = Number.isNaN(this.x[place]);
    const share = isNew ? 1 : Math.min(1, (at - this.movedAt[place]) / GLIDE_MS);
    this.fromX[place] = isNew ? x : this.fromX[place] + (this.x[place] - this.fromX[place]) * share;
    this.fromY[place] = isNew ? y : this.fromY[place] + (this.y[place] - this.fromY[place]) * share;
    if (Math.abs(this.fromX[place] - x) > 0.001) [this.fromX[place], this.fromY[place]] = [x, y]; // 40 km are a jump, not a drive
    Object.assign(this, { lastMove: at });
    this.lat[place] = lat;
    this.lon[place] = lon;
    this.x[place] = x;
    this.y[place] = y;
    this.movedAt[place] = at;
  }

  ageS(place) {
    return Math.max(0, (Date.now() - this.leadMs - this.event[place]) / 1000);
  }
}
export const GLIDE_MS = 1000;
