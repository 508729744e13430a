// A mark of every shape, and sprites of them: drawn once, stamped many times.

const TURNS = 32; // a sprite for every 360/32 degrees
const SPRITES = 3000; // kept at most

function outline(context, shape, r) {
  context.beginPath();
  if (shape === "circle") context.arc(0, 0, r, 0, 2 * Math.PI);
  else if (shape === "square") context.rect(-0.9 * r, -0.9 * r, 1.8 * r, 1.8 * r);
  else if (shape === "needle") {
    context.moveTo(0, 0);
    context.lineTo(0, -2 * r);
  } else if (shape === "cross") {
    for (const sign of [1, -1]) {
      context.moveTo(-r * 0.8, -sign * r * 0.8);
      context.lineTo(r * 0.8, sign * r * 0.8);
    }
  } else {
    const corners = shape === "triangle" ? [[0, -1], [0.87, 0.75], [-0.87, 0.75]] : [[0, -1], [1, 0], [0, 1], [-1, 0]];
    corners.forEach(([x, y], i) => (i ? context.lineTo(x * r, y * r) : context.moveTo(x * r, y * r)));
    context.closePath();
  }
}

function paint(context, shape, r, colour, edge) {
  outline(context, shape, r);
  if (shape === "cross" || shape === "needle") {
    context.lineWidth = Math.max(1.5, r * (shape === "needle" ? 0.16 : 0.35));
    context.lineCap = "round";
    context.strokeStyle = colour;
    context.stroke();
    return;
  }
  context.fillStyle = colour;
  context.fill();
  if (r > 3) {
    context.lineWidth = Math.max(1, r * 0.12);
    context.strokeStyle = edge;
    context.stroke();
  }
}

class Sprites {
  constructor() {
    this.forget();
  }

  forget() {
    this.made = new Map();
  }

  of(shape, colour, edge, px, heading) {
    const turn = Math.round((heading / (2 * Math.PI)) * TURNS);
    const key = `${shape}|${colour}|${px}|${turn}`;
    let image = this.made.get(key);
    if (image) return image;
    if (this.made.size > SPRITES) this.forget();
    image = document.createElement("canvas");
    image.width = image.height = Math.ceil(px + 4);
    const own = image.getContext("2d");
    own.translate(image.width / 2, image.height / 2);
    own.rotate((turn * 2 * Math.PI) / TURNS);
    paint(own, shape, px / 2, colour, edge);
    this.made.set(key, image);
    return image;
  }
}
