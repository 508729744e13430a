// What marks and colours mean, under the world; and the world in words, for those who do not see it.

class Legend {
  constructor(element, canvas, colours) {
    Object.assign(this, { element, canvas, colours, told: "" });
  }

  explain(frame) {
    const { colours } = this;
    const roles = new Map();
    for (const layer of frame.layers) if (!roles.has(layer.role)) roles.set(layer.role, layer);
    const parts = [];
    for (const [role, layer] of roles)
      parts.push([layer.shape, layer.legend ? "" : colours.of(layer), `${layer.count.toLocaleString("en")} ${role}`]);
    for (const { name, palette, levels } of frame.images) {
      const stops = colours.stops[colours.theme][palette];
      if (!levels.length) parts.push([null, stops.join(), name]);
      levels.forEach((level, i) => parts.push([null, `${stops[i]}, ${stops[i]}`, level]));
    }
    for (const { legend } of roles.values()) {
      if (!legend) continue;
      const [low, high] = legend.slice(1).map((v) => Number(v.toPrecision(3)).toString());
      parts.push([null, colours.scales[colours.theme].join(), `${legend[0]}: ${low} to ${high}`]);
    }
    const now = JSON.stringify([colours.theme, parts]);
    if (now === this.told) return;
    this.told = now;
    this.element.replaceChildren();
    for (const part of parts) this.part(...part);
    const who = [...roles.values()].map((layer) => `${layer.count} ${layer.role}`).join(", ");
    this.canvas.setAttribute(
      "aria-label",
      `The world: ${who}. Arrow keys move the view, plus and minus zoom, 0 shows all, n and p choose an agent, Escape none.`,
    );
  }

  // A mark and its name, or a range of colours and its name.
  part(shape, colour, text) {
    const item = make("span", {}, this.element);
    if (shape === null) make("i", {}, item).style.background = `linear-gradient(90deg, ${colour})`;
    else {
      const glyph = make("canvas", { width: 20, height: 20 }, item);
      glyph.style.cssText = "width:20px;height:20px";
      const own = glyph.getContext("2d");
      own.translate(10, shape === "needle" ? 18 : 10);
      paint(own, shape, 8, colour || (this.colours.dark ? "#aaa" : "#555"), this.colours.edge);
    }
    make("b", { textContent: text }, item).style.fontWeight = "500";
  }
}
