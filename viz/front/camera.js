// Where one looks: from units of the world, y upward, to pixels of the canvas, and back.

const MOST_ZOOM = 200;
const LEAST_ZOOM = 0.5;

class Camera {
  constructor(canvas) {
    this.canvas = canvas;
    this.extent = [0, 0, 1, 1];
    this.home();
  }

  home() {
    const [left, bottom, right, top] = this.extent;
    [this.x, this.y, this.zoom] = [(left + right) / 2, (bottom + top) / 2, 1];
  }

  // Pixels a unit.
  get scale() {
    const [left, bottom, right, top] = this.extent;
    return Math.min(this.canvas.width / (right - left), this.canvas.height / (top - bottom)) * this.zoom;
  }

  // What a place of the world is multiplied by and added to: `[scale, left, top]`; x to the right, y to below.
  get lens() {
    const k = this.scale;
    return [k, this.canvas.width / 2 - this.x * k, this.canvas.height / 2 + this.y * k];
  }

  toScreen(x, y) {
    const [k, left, top] = this.lens;
    return [left + x * k, top - y * k];
  }

  toWorld(px, py) {
    const [k, left, top] = this.lens;
    return [(px - left) / k, (top - py) / k];
  }

  pan(px, py) {
    this.x -= px / this.scale;
    this.y += py / this.scale;
  }

  // Keeps what lies under a point where it is.
  zoomBy(factor, px = this.canvas.width / 2, py = this.canvas.height / 2) {
    const [x, y] = this.toWorld(px, py);
    this.zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, this.zoom * factor));
    const [nx, ny] = this.toWorld(px, py);
    this.x += x - nx;
    this.y += y - ny;
  }
}
