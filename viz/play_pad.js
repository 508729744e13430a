// The keys of a game that waits for whoever plays: each press is one step. What is pressed waits in the outbox until the
// server has taken it, so that a lost connection loses nothing.

function render({ model, el }) {
  const root = make("div", { className: "aira-pad" }, el);
  make("style", { textContent: PAD_STYLE }, root);
  const keys = make("div", { className: "keys", role: "group" }, root);
  keys.setAttribute("aria-label", "Play");
  let waiting = [];
  let holding = null;
  let began = null; // the world in which the key was pressed that is held

  function send() {
    model.set("outbox", [...waiting]);
    model.save_changes();
  }
  function press(action) {
    waiting.push({ id: random_id(), action, world: model.get("world") });
    send();
  }
  // Whoever holds a key goes on as fast as the server answers, to the end of this world and not a step further.
  function hold(action) {
    press(action);
    clearInterval(holding);
    holding = setInterval(() => waiting.length || !model.get("on") || press(action), 150);
  }
  const let_go = () => clearInterval(holding);

  function down(event) {
    if (!model.get("on") || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TEXT)) return;
    const actions = model.get("actions");
    const action = event.key === " " && actions.includes("stay") ? "stay" : actionOf(event, actions);
    if (action === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) began = model.get("world");
    if (!event.repeat || (!waiting.length && began === model.get("world"))) press(action);
  }
  window.addEventListener("keydown", down, true); // before the teaching pad, which listens on the document

  function fill() {
    keys.hidden = !model.get("on");
    fillKeys(keys, model.get("actions"), hold, let_go);
  }
  // What is pressed is meant for this world: the sentence above the keys may already tell of the next one.
  function enter() {
    let_go();
    root.dataset.world = model.get("world");
  }
  model.on("change:actions", fill);
  model.on("change:on", fill);
  model.on("change:world", enter);
  model.on("change:acknowledged", () => {
    const known = new Set(model.get("acknowledged"));
    waiting = waiting.filter((one) => !known.has(one.id));
  });
  const again = setInterval(() => waiting.length && send(), 3000); // after a broken connection
  fill();
  enter();
  return () => {
    let_go();
    clearInterval(again);
    window.removeEventListener("keydown", down, true);
  };
}

export default { render };
