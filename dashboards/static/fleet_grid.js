// Below what the offline tiles resolve (zoom 6) the map fades into a grid of degrees, so that near positions keep a measure.
window.fleetGrid = (() => {
  const STEPS = { 9: 0.2, 10: 0.1, 11: 0.05, 12: 0.02 }; // degrees between two lines, by zoom

  const tileOpacity = (zoom) => ({ 8: 0.75, 9: 0.4 })[zoom] ?? (zoom < 8 ? 1 : 0);

  // `shift`: the world pixel at the canvas' corner; the pen draws in world pixels.
  function draw(pen, map, shift, colours) {
    const step = STEPS[map.getZoom()];
    if (!step) return;
    const { x, y } = map.getSize();
    const corner = map.getPixelBounds().min;
    const bounds = map.getBounds();
    pen.strokeStyle = colours.edge;
    pen.fillStyle = colours.muted;
    pen.lineWidth = 1;
    pen.font = "11px Roboto, sans-serif";
    pen.textBaseline = "alphabetic";
    pen.textAlign = "left";
    const lines = (from, to) => Array.from({ length: Math.ceil((to - from) / step) + 1 }, (_, index) => (Math.floor(from / step) + index) * step);
    const stroke = (...points) => {
      pen.beginPath();
      pen.moveTo(points[0], points[1]);
      pen.lineTo(points[2], points[3]);
      pen.stroke();
    };
    for (const lat of lines(bounds.getSouth(), bounds.getNorth())) {
      const at = Math.round(map.project([lat, 0]).y) + 0.5;
      stroke(shift.x, at, corner.x + 1.3 * x, at);
      if (at > corner.y + 80 && at < corner.y + y - 32) pen.fillText(`${Math.abs(lat).toFixed(2)}\u00b0 ${lat < 0 ? "S" : "N"}`, corner.x + 12, at - 4);
    }
    for (const lon of lines(bounds.getWest(), bounds.getEast())) {
      const at = Math.round(map.project([0, lon]).x) + 0.5;
      stroke(at, shift.y, at, corner.y + 1.3 * y);
      pen.fillText(`${Math.abs(lon).toFixed(2)}\u00b0 ${lon < 0 ? "W" : "E"}`, at + 4, corner.y + 14);
    }
  }

  return { draw, tileOpacity };
})();
