// Which agent: the one of a number, the next one, the one under the pointer. Each is `[layer, row]`, or null.

const HOVER_PX = 14; // how near a pointer must come

function agentOf(frame, uid) {
  if (uid <= 0) return null;
  for (const layer of frame.layers) {
    const i = layer.uid.indexOf(uid);
    if (i >= 0) return [layer, i];
  }
  return null;
}

function nextAgent(frame, chosen, direction) {
  const all = frame.layers.flatMap((layer) => Array.from(layer.uid, (uid, i) => [uid, layer, i])).filter(([uid]) => uid > 0);
  if (!all.length) return null;
  const at = all.findIndex(([uid]) => uid === chosen);
  return all[(at + direction + all.length) % all.length].slice(1);
}

function nearestAgent(frame, [k, left, top], ratio, px, py) {
  let best = (HOVER_PX * ratio) ** 2;
  let which = null;
  for (const layer of frame.layers) {
    const reach = Math.max(best, (layer.size * k * 0.5) ** 2);
    for (let i = 0; i < layer.count; i++) {
      if (layer.uid[i] < 0) continue;
      const dx = left + layer.x[i] * k - px;
      const dy = top - layer.y[i] * k - py;
      const far = dx * dx + dy * dy;
      if (far < (which === null ? reach : best)) {
        best = far;
        which = [layer, i];
      }
    }
  }
  return which;
}
