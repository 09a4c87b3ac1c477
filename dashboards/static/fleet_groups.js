// Vehicles that would cover each other on the map become one group. Pure: places in pixels in, groups out.
window.fleetGroups = (() => {
  // A place: {row, x, y}. A group: {places, x, y} around the mean of its places.
  function grouped(places, reach) {
    if (!reach) return places.map((place) => ({ places: [place], x: place.x, y: place.y }));
    const cells = new Map();
    for (const place of places) {
      const key = `${Math.floor(place.x / reach)}/${Math.floor(place.y / reach)}`;
      const cell = cells.get(key);
      if (cell) cell.push(place);
      else cells.set(key, [place]);
    }
    const groups = [];
    for (const cell of [...cells.values()].sort((one, other) => other.length - one.length)) {
      const mean = centre(cell);
      const near = groups.find((group) => Math.hypot(group.x - mean.x, group.y - mean.y) < reach);
      if (near) near.places.push(...cell);
      else groups.push({ places: cell, ...mean });
    }
    return groups;
  }

  function centre(places) {
    const sum = places.reduce((so_far, { x, y }) => ({ x: so_far.x + x, y: so_far.y + y }), { x: 0, y: 0 });
    return { x: sum.x / places.length, y: sum.y / places.length };
  }

  // [state, number] of a group, in the order of the legend, without zeros.
  function parts(places, states) {
    return states.map((state) => [state, places.filter(({ row }) => row[3] === state).length]).filter(([, number]) => number);
  }

  return { grouped, parts };
})();
