// The world on a canvas: frames of binary columns come in, what a person picks goes out.
//
// Python decides what there is to see (viz/scene.py); here it is only drawn.

const AHEAD = 2; // frames that wait to be drawn; older ones are left out: a slow screen must not lag behind

function render({ model, el }) {
  const root = make("div", { className: "aira-world" }, el);
  make("style", { textContent: STYLE }, root);
  const canvas = make("canvas", { tabIndex: 0 }, root);
  canvas.setAttribute("role", "application");
  const tip = make("div", { className: "tip" }, root);
  const ratio = () => window.devicePixelRatio || 1;
  const colours = new Colours(model.get("look"));
  const camera = new Camera(canvas);
  const painter = new Painter(canvas, camera, colours, ratio);
  const legend = new Legend(make("div", { className: "legend" }, root), canvas, colours);
  const coming = []; // frames that have arrived; they are drawn in order
  let frame = null; // what is on the screen
  let waiting = false;
  let seen = -1; // the last frame that Python knows to be seen
  let chosen = model.get("chosen"); // known here before Python has answered: keys may be quick

  let gone = false; // a frame may still be about to be drawn when the canvas is taken away: nobody listens any more

  function say(name, value) {
    if (gone) return;
    model.set(name, value);
    model.save_changes();
  }

  function ask() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (coming.length) turn(coming.shift());
      if (frame) draw();
      if (coming.length) ask();
    });
  }

  function moved() {
    painter.ghosts = null;
    ask();
  }

  function home() {
    camera.home();
    moved();
  }

  function fitted() {
    if (!frame || !root.clientWidth) return;
    const [left, bottom, right, top] = frame.extent;
    const most = Math.max(240, window.innerHeight * 0.72);
    const height = Math.max(160, Math.min((root.clientWidth * (top - bottom)) / (right - left), most));
    canvas.style.height = `${height}px`;
    const [width, tall] = [Math.round(root.clientWidth * ratio()), Math.round(height * ratio())];
    if (canvas.width === width && canvas.height === tall) return;
    [canvas.width, canvas.height] = [width, tall];
    moved();
  }

  function draw() {
    const marked = agentOf(frame, chosen);
    if (model.get("follow") && marked) {
      const [layer, i] = marked;
      [camera.x, camera.y, painter.ghosts] = [layer.x[i], layer.y[i], null];
    }
    const credits = model.get("marks") ?? [];
    painter.paint(frame, marked, credits);
    legend.explain(frame);
    canvas.dataset.marks = credits.length;
    canvas.dataset.drawn = frame.number;
    canvas.dataset.step = frame.step;
    canvas.dataset.frames = Number(canvas.dataset.frames || 0) + 1;
    heard();
  }

  // Said when it is drawn, so that no more is sent than a screen shows.
  function heard() {
    if (frame.number === seen) return;
    seen = frame.number;
    say("seen", seen);
  }

  function arrived() {
    const bytes = model.get("frame");
    if (!bytes || !bytes.byteLength) return;
    coming.push(read(bytes));
    if (coming.length > AHEAD) coming.shift();
    if (!document.hidden) return ask();
    turn(coming.pop()); // nothing is drawn, but the world goes on
    coming.length = 0;
    heard();
  }

  function turn(next) {
    frame = next;
    if (frame.extent.join() !== camera.extent.join() || !canvas.dataset.drawn) {
      camera.extent = frame.extent;
      fitted();
      home();
    }
    if (model.get("trails")) painter.haunt(frame);
    else painter.ghosts = null;
  }

  const world = {
    ratio,
    moved,
    home,
    ready: () => frame !== null,
    hover(px, py) {
      const which = px === null ? null : nearestAgent(frame, camera.lens, ratio(), px, py);
      tip.style.display = which ? "block" : "none";
      if (!which) return;
      tip.textContent = `${which[0].role} ${which[0].uid[which[1]]}`;
      tip.style.left = `${px / ratio() + 12}px`;
      tip.style.top = `${py / ratio() + 12}px`;
    },
    pick(which) {
      chosen = which ? which[0].uid[which[1]] : -1;
      say("picked", which ? { role: which[0].role, uid: chosen, nonce: performance.now() } : { uid: -1 });
    },
    pickAt: (px, py) => world.pick(nearestAgent(frame, camera.lens, ratio(), px, py)),
    pickNext(direction) {
      const which = nextAgent(frame, chosen, direction);
      if (which) world.pick(which);
    },
  };
  listen(canvas, camera, world);

  const observer = new ResizeObserver(fitted);
  observer.observe(root);
  const theming = new MutationObserver(moved);
  const app = document.querySelector(".v-application");
  if (app) theming.observe(app, { attributes: true, attributeFilter: ["class"] });
  window.addEventListener("resize", fitted);
  model.on("change:frame", arrived);
  model.on("change:chosen", () => {
    chosen = model.get("chosen");
    ask();
  });
  for (const name of ["follow", "trails", "marks"]) model.on(`change:${name}`, moved);
  say("wide", window.innerWidth);
  arrived();
  return () => {
    gone = true;
    observer.disconnect();
    theming.disconnect();
    window.removeEventListener("resize", fitted);
    model.off("change:frame", arrived);
  };
}

export default { render };
