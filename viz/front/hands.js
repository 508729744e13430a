// Pointers and keys: pan, zoom, hover, pick. `world` does what they ask.

const STILL_PX = 5; // a pointer that moves less has clicked

function listen(canvas, camera, world) {
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * world.ratio(), (event.clientY - box.top) * world.ratio()];
  };
  const held = new Map(); // pointers that are down: one drags, two pinch
  let travelled = 0;

  function dragged(event, before, now) {
    const other = [...held.entries()].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, now);
    if (other) {
      const gap = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      camera.zoomBy(gap(now) / Math.max(1, gap(before)), ...now);
      travelled = 99;
    } else {
      travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (travelled < STILL_PX * world.ratio()) return;
      camera.pan(now[0] - before[0], now[1] - before[1]);
    }
    world.moved();
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, place(event));
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!world.ready()) return;
    const before = held.get(event.pointerId);
    if (before) dragged(event, before, place(event));
    else world.hover(...place(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    held.delete(event.pointerId);
    if (world.ready() && travelled < STILL_PX * world.ratio()) world.pickAt(...place(event));
  });
  canvas.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => world.hover(null));
  canvas.addEventListener("dblclick", () => world.home());
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      camera.zoomBy(Math.exp(-event.deltaY * 0.0015), ...place(event));
      world.moved();
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (!world.ready() || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 0.1 * canvas.width;
    const does = {
      ArrowLeft: () => camera.pan(step, 0),
      ArrowRight: () => camera.pan(-step, 0),
      ArrowUp: () => camera.pan(0, step),
      ArrowDown: () => camera.pan(0, -step),
      "+": () => camera.zoomBy(1.25),
      "=": () => camera.zoomBy(1.25),
      "-": () => camera.zoomBy(0.8),
      0: () => world.home(),
      n: () => world.pickNext(1),
      p: () => world.pickNext(-1),
      Escape: () => world.pick(null),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
    world.moved();
  });
}
