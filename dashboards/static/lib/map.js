// A map in a box: base map, vehicles, zoom buttons, scale.
import * as L from "../vendor/leaflet/leaflet-src.esm.js";
import { h } from "./dom.js";
import { amount, number, title } from "./format.js";
import { STATES } from "./fleet_store.js";
import { VehicleLayer } from "./vehicle_layer.js";
import { WorldLayer } from "./world.js";

export { L };

export function fleetMap(box, store, { choose, accept, view }) {
  const map = L.map(box, { minZoom: 2, maxZoom: 14, worldCopyJump: true, attributionControl: false, zoomSnap: 0.5, zoomDelta: 1, wheelPxPerZoomLevel: 90 });
  map.setView(view?.centre ?? [48, 8], view?.zoom ?? 4);
  const world = new WorldLayer(), vehicles = new VehicleLayer(store, { choose, accept });
  vehicles.describe = (places) => describe(store, places);
  world.addTo(map);
  vehicles.addTo(map);
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  L.control.attribution({ prefix: false, position: "bottomright" }).addAttribution("Natural Earth · cities: GeoNames, CC BY 4.0").addTo(map);
  map.createPane("chargers").style.zIndex = 350; // below the vehicles
  const far = () => box.classList.toggle("is-far", map.getZoom() < 7);
  map.on("zoomend", far);
  far();
  const repaint = () => { world.draw(); vehicles.touch(); };
  const watch = new MutationObserver(repaint);
  watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const sized = new ResizeObserver(() => map.invalidateSize());
  sized.observe(box);
  return { map, world, vehicles, end() { watch.disconnect(); sized.disconnect(); map.remove(); } };
}

function describe(store, places) {
  if (places.length > 1) {
    const counts = STATES.map((state, index) => [state, places.filter((place) => store.state[place] === index).length]).filter(([, count]) => count);
    return h("div", {}, h(".tip-name", {}, `${places.length} vehicles`), counts.map(([state, count]) => h(`.state.state-${state}`, {}, `${count} ${state}`)));
  }
  const [place] = places;
  return h("div", {}, h(".tip-name", {}, store.names[place]), h(`.state.state-${STATES[store.state[place]]}`, {}, title(STATES[store.state[place]])),
    h("div", {}, [amount(store.speed[place], "km/h"), amount(store.soc[place], "%"), amount(store.power[place], "kW", 1)].join("  ·  ")),
    store.flags[place] & 1 ? h(".tip-note", {}, "Synthetic position: the recording has none") : null);
}

// Where vehicles have charged: a square a place, larger with more energy.
export function chargerLayer(places) {
  return L.layerGroup(places.map((place) => L.marker([place.lat, place.lon], { keyboard: false, pane: "chargers", icon: L.divIcon({ className: "charger", iconSize: [14, 14] }) })
    .bindTooltip(h("div", {}, h(".tip-name", {}, "Place where vehicles charge"), h("div", {}, `${number(place.sessions)} sessions of ${number(place.vehicles)} vehicles, ${amount(place.energy_kwh, "kWh")}, up to ${amount(place.peak_kw, "kW")}`)), { className: "map-tip", direction: "top", opacity: 1 })));
}

// A frame around the vehicles of each region, with its name and number.
export function regionLayer(store) {
  const boxes = new Map();
  for (let place = 0; place < store.count; place++) {
    if (Number.isNaN(store.x[place])) continue;
    const known = boxes.get(store.regions[place]) ?? { bounds: L.latLngBounds([]), count: 0 };
    known.bounds.extend([store.lat[place], store.lon[place]]);
    known.count++;
    boxes.set(store.regions[place], known);
  }
  return L.layerGroup([...boxes].flatMap(([name, { bounds, count }]) => {
    const centre = bounds.getCenter(), high = Math.max(2.6, 0.6 * (bounds.getNorth() - bounds.getSouth())), wide = Math.max(4.2, 0.6 * (bounds.getEast() - bounds.getWest()));
    const frame = [[centre.lat - high, centre.lng - wide], [centre.lat + high, centre.lng + wide]];
    return [L.rectangle(frame, { className: "region", interactive: false, weight: 1.5, dashArray: "4 4", fill: false }),
      L.tooltip({ permanent: true, direction: "top", className: "region-name", opacity: 1, interactive: false, offset: [0, -2] }).setLatLng([centre.lat + high, centre.lng]).setContent(`${name}: ${number(count)}`)];
  }));
}
