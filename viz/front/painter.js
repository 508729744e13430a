// Paints a frame: grounds, trails, links, agents, and what is marked.

const TINY_PX = 3; // marks smaller than this are written as pixels: a hundred thousand sprites would take too long

class Painter {
  constructor(canvas, camera, colours, ratio) {
    Object.assign(this, { canvas, camera, colours, ratio });
    this.context = canvas.getContext("2d");
    this.sprites = new Sprites();
    this.pictures = new Map();
    this.ghosts = null; // where agents were
  }

  pixels(name) {
    if (!this.pictures.has(name)) this.pictures.set(name, new Pixels());
    return this.pictures.get(name);
  }

  paint(frame, chosen, credits) {
    const { context, canvas, camera, colours } = this;
    if (colours.follow()) this.sprites.forget();
    context.fillStyle = colours.dark ? "#191b1e" : "#fbfaf7";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    const [left, bottom, right, top] = frame.extent;
    const [x0, y0] = camera.toScreen(left, top);
    const [x1, y1] = camera.toScreen(right, bottom);
    for (const image of frame.images) {
      const picture = this.pixels(image.name).ground(image, colours.grounds[colours.theme][image.palette]);
      context.drawImage(picture, x0, y0, x1 - x0, y1 - y0);
    }
    if (!frame.images.length) {
      context.strokeStyle = colours.dark ? "#3a3d42" : "#dcd9d0";
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    if (this.ghosts) context.drawImage(this.ghosts, 0, 0);
    this.links(frame.links);
    for (const layer of frame.layers) this.layer(layer);
    if (chosen) this.ring(...chosen);
    this.credits(credits);
  }

  layer(layer) {
    const { canvas, colours, context } = this;
    const lens = this.camera.lens;
    const [k, left, top] = lens;
    const px = Math.max(1, layer.size * k);
    const own = colours.of(layer);
    if (px < TINY_PX && !layer.heading) {
      const tiny = this.pixels("tiny marks");
      const args = [canvas.width, canvas.height, lens, px, colours.scalePixels, pixel(rgb(own))];
      context.drawImage(tiny.marks(layer, ...args), 0, 0);
      return;
    }
    for (let i = 0; i < layer.count; i++) {
      const [x, y] = [left + layer.x[i] * k, top - layer.y[i] * k];
      if (x < -px || y < -px || x > canvas.width + px || y > canvas.height + px) continue;
      const heading = layer.heading ? layer.heading[i] : 0;
      if (layer.shape === "needle") {
        // Few and telling: drawn at their very angle.
        context.save();
        context.translate(x, y);
        context.rotate(heading);
        paint(context, "needle", px / 2, own, own);
        context.restore();
        continue;
      }
      const big = layer.scale ? Math.max(2, Math.round((px * (1 + (2 * (layer.scale[i] >> 5)) / 7)) / 3)) : Math.round(px);
      const colour = layer.colour ? css(colours.scale[layer.colour[i] & 0xf8]) : own;
      const image = this.sprites.of(layer.shape, colour, colours.edge, big, heading);
      context.drawImage(image, x - image.width / 2, y - image.height / 2);
    }
  }

  links({ count, ends }) {
    if (!count) return;
    const { context, camera } = this;
    context.beginPath();
    for (let i = 0; i < ends.length; i += 4) {
      context.moveTo(...camera.toScreen(ends[i], ends[i + 1]));
      context.lineTo(...camera.toScreen(ends[i + 2], ends[i + 3]));
    }
    context.strokeStyle = this.colours.dark ? "#8a919c" : "#7a808a";
    context.lineWidth = this.ratio();
    context.stroke();
  }

  // Trails: what was drawn before, paler with every frame.
  haunt(frame) {
    const { canvas, camera } = this;
    if (!this.ghosts) {
      this.ghosts = document.createElement("canvas");
      [this.ghosts.width, this.ghosts.height] = [canvas.width, canvas.height];
    }
    const own = this.ghosts.getContext("2d");
    own.globalCompositeOperation = "destination-out";
    own.fillStyle = "rgba(0,0,0,.05)";
    own.fillRect(0, 0, canvas.width, canvas.height);
    own.globalCompositeOperation = "source-over";
    const [k, left, top] = camera.lens;
    for (const layer of frame.layers) {
      if (layer.count && layer.uid[0] < 0) continue;
      const side = Math.max(1, layer.size * k * 0.3);
      own.fillStyle = this.colours.of(layer);
      for (let i = 0; i < layer.count; i++)
        own.fillRect(left + layer.x[i] * k - side / 2, top - layer.y[i] * k - side / 2, side, side);
    }
  }

  ring(layer, i) {
    const { context, camera, ratio } = this;
    context.beginPath();
    context.arc(
      ...camera.toScreen(layer.x[i], layer.y[i]), Math.max(8 * ratio(), layer.size * camera.scale * 0.75), 0, 2 * Math.PI,
    );
    context.lineWidth = 3 * ratio();
    context.strokeStyle = this.colours.dark ? "#fff" : "#111";
    context.stroke();
  }

  // Steps that a signal was credited to: the fuller the ring, the more of it.
  credits(credits) {
    const { context, camera, ratio } = this;
    for (const [x, y, credit, value] of credits) {
      context.beginPath();
      context.arc(
        ...camera.toScreen(x, y), 11 * ratio(), -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.max(0.08, credit),
      );
      context.lineWidth = 4 * ratio();
      context.strokeStyle = value > 0 ? "#0072B2" : "#D55E00";
      context.stroke();
    }
  }
}
