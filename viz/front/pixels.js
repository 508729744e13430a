// Pictures that are written pixel by pixel: grounds, and marks too small and too many for sprites.
//
// Each keeps its memory from frame to frame: megabytes to be thrown away sixty times a second cost more than the drawing.

class Pixels {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.data = null;
  }

  // Makes room; says whether it is new, and therefore empty.
  fit(width, height) {
    if (this.data && this.data.width === width && this.data.height === height) return false;
    [this.canvas.width, this.canvas.height] = [width, height];
    this.data = this.context.createImageData(width, height);
    this.words = new Uint32Array(this.data.data.buffer);
    return true;
  }

  put() {
    this.context.putImageData(this.data, 0, 0);
    return this.canvas;
  }

  // A ground, a pixel a cell.
  ground(image, colours) {
    const { width, height, pixels } = image;
    this.fit(width, height);
    for (let row = 0; row < height; row++) {
      const [from, to] = [(height - 1 - row) * width, row * width]; // the lowest row comes first
      for (let x = 0; x < width; x++) this.words[to + x] = colours[pixels[from + x]];
    }
    return this.put();
  }

  // Marks of `px` pixels, a square each; `colours`: of the scale, where they have shades, else `own`.
  marks(layer, width, height, [k, left, top], px, colours, own) {
    if (!this.fit(width, height)) this.words.fill(0);
    const { words } = this;
    const { count, x, y, colour: shades } = layer;
    const half = Math.max(1, 1.25 * px) / 2; // so that marks in neighbouring cells just touch
    for (let i = 0; i < count; i++) {
      const cx = left + x[i] * k;
      const cy = top - y[i] * k;
      const x0 = Math.round(cx - half);
      const y0 = Math.round(cy - half);
      const x1 = Math.max(x0 + 1, Math.round(cx + half));
      const y1 = Math.max(y0 + 1, Math.round(cy + half));
      if (x0 < 0 || y0 < 0 || x1 > width || y1 > height) continue;
      const colour = shades ? colours[shades[i]] : own;
      for (let line = y0 * width; line < y1 * width; line += width)
        for (let at = line + x0; at < line + x1; at++) words[at] = colour;
    }
    return this.put();
  }
}
