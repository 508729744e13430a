// The teaching pad: buttons and keys by which a person judges, steers and takes back.
//
// Whatever is pressed waits in the outbox until the server says that it is stored: a lost connection loses nothing, and
// what is sent twice counts once. How long a step had been on the screen is told by this machine's own stopwatch.

function render({ model, el }) {
  const root = make("div", { className: "aira-pad" }, el);
  make("style", { textContent: PAD_STYLE }, root);
  let waiting = []; // said, and not yet known to be stored
  let drawn = { step: -1, at: performance.now() };

  function say(kind, what = {}) {
    waiting.push({ id: random_id(), kind, ...what });
    send();
  }

  function send() {
    model.set("outbox", [...waiting]);
    model.save_changes();
    tell();
  }

  // The world.

  const canvas = () => document.querySelector("canvas[data-drawn]");
  const seen = () => Number(canvas()?.dataset.step ?? -1);
  const watching = setInterval(() => {
    if (seen() !== drawn.step) drawn = { step: seen(), at: performance.now() };
  }, 15);
  const mesa = (...names) => [...document.querySelectorAll("button")].find((b) => names.includes(b.textContent.trim()));
  const paused = () => !mesa("❚❚");
  let looked = "";
  const looking = setInterval(() => {
    const now = `${drawn.step}|${model.get("uid")}|${model.get("stored")}`;
    if (!model.get("on") || model.get("uid") < 1 || !paused() || now === looked || waiting.length) return;
    looked = now;
    say("look");
  }, 300);

  function signal(value) {
    if (!model.get("on") || model.get("uid") < 1) return;
    if (seen() !== drawn.step) drawn = { step: seen(), at: performance.now() };
    say("signal", { value, uid: model.get("uid"), step: drawn.step, age_s: (performance.now() - drawn.at) / 1000 });
  }

  // Buttons.

  const buttons = make("div", { className: "buttons" }, root);
  function button(parent, name, key, does, className = "") {
    const made = make("button", { type: "button", className, textContent: name }, parent);
    make("kbd", { textContent: key }, made);
    made.setAttribute("aria-label", name);
    made.addEventListener("click", does);
    return made;
  }
  const judging = [
    button(buttons, "Wrong!", "J", () => signal(-2), "bad"),
    button(buttons, "Disapprove", "j", () => signal(-1), "bad"),
    button(buttons, "Approve", "k", () => signal(1), "good"),
    button(buttons, "Just right!", "K", () => signal(2), "good"),
    button(buttons, "Veto", "v", () => model.get("uid") > 0 && say("veto")),
    button(buttons, "Undo", "u", () => say("undo")),
  ];
  const leading = button(buttons, "Take over", "t", () => say(model.get("leading") ? "release" : "take", { uid: model.get("uid") }));
  button(buttons, "Play or pause", "space", () => mesa("▶", "❚❚")?.click());
  button(buttons, "One step", ".", () => mesa("Step")?.click());

  const keys = make("div", { className: "keys", role: "group" }, root);
  keys.setAttribute("aria-label", "Steer");
  const held = new Set();
  function press(action) {
    held.add(action);
    say("press", { action, paused: paused() });
  }
  function release(action) {
    if (held.delete(action) && !held.size) say("press", { action: null, paused: false });
  }
  // Keys.

  function down(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TEXT)) return;
    const action = model.get("leading") ? actionOf(event, model.get("actions")) : undefined;
    const does = {
      j: () => signal(-1), J: () => signal(-2), k: () => signal(1), K: () => signal(2),
      u: () => model.get("on") && say("undo"),
      v: () => model.get("on") && model.get("uid") > 0 && say("veto"),
      t: () => !leading.disabled && leading.click(),
      ".": () => mesa("Step")?.click(),
      " ": () => event.target.closest?.("button") || mesa("▶", "❚❚")?.click(),
    }[event.key];
    if (action === undefined && !does) return;
    if (event.key === " " && event.target.closest?.("button")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat) return;
    if (action !== undefined) press(action);
    else does();
  }
  function up(event) {
    const action = actionOf(event, model.get("actions"));
    if (action !== undefined) release(action);
  }
  document.addEventListener("keydown", down, true);
  document.addEventListener("keyup", up, true);

  // What the server says.

  const state = make("div", { className: "state" }, root);
  state.setAttribute("aria-live", "polite");
  function tell() {
    const on = model.get("on");
    for (const one of judging) one.disabled = !on;
    leading.disabled = !on || !model.get("actions").length || model.get("uid") < 1;
    leading.firstChild.textContent = model.get("leading") ? "Release" : "Take over";
    leading.setAttribute("aria-label", leading.firstChild.textContent);
    keys.hidden = !model.get("leading");
    const parts = [];
    if (model.get("leading")) parts.push(`You lead agent ${model.get("uid")}; paused, each key is one step.`);
    else if (on && model.get("uid") > 0) parts.push(`You judge agent ${model.get("uid")}.`);
    if (on && paused() && model.get("upcoming")) parts.push(`It is about to: ${model.get("upcoming")}.`);
    if (on) parts.push(`${model.get("stored")} stored${waiting.length ? `, ${waiting.length} on the way` : ""}.`);
    state.textContent = parts.join(" ");
    root.dataset.waiting = waiting.length;
    root.dataset.leading = model.get("leading");
  }
  model.on("change:acknowledged", () => {
    const known = new Set(model.get("acknowledged"));
    waiting = waiting.filter((one) => !known.has(one.id));
    tell();
  });
  for (const name of ["on", "uid", "leading", "stored", "upcoming"]) model.on(`change:${name}`, tell);
  const fill = () => fillKeys(keys, model.get("actions"), press, release);
  model.on("change:actions", () => {
    fill();
    tell();
  });
  function remember() {
    if (model.get("who")) localStorage.setItem("aira-participant", model.get("who"));
  }
  model.on("change:who", remember);
  const again = setInterval(() => waiting.length && send(), 3000); // after a broken connection

  fill();
  tell();
  remember();
  model.set("token", localStorage.getItem("aira-participant") ?? "");
  model.save_changes();
  return () => {
    clearInterval(watching);
    clearInterval(again);
    clearInterval(looking);
    document.removeEventListener("keydown", down, true);
    document.removeEventListener("keyup", up, true);
  };
}

export default { render };
