// A student's phone: shows the world, says what is pressed, and keeps it until the server has stored it.

import canvas from "/class/canvas.js";
import { fillKeys, random_id } from "/class/keys.js";

const at = (id) => document.getElementById(id);
const look = JSON.parse(at("look").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const themed = () => document.body.classList.toggle("theme--dark", dark.matches);
dark.addEventListener("change", themed);
themed();

// The canvas of the page, fed by hand.
function screen(parent) {
  const values = { look, frame: null, chosen: -1, follow: false, trails: false, marks: [], picked: {}, seen: 0, wide: 0 };
  const listeners = {};
  const model = {
    get: (name) => values[name],
    set: (name, value) => (values[name] = value),
    save_changes: () => {},
    on: (name, call) => ((listeners[name] ??= []).push(call)),
    off: () => {},
  };
  canvas.render({ model, el: parent });
  return (name, value) => {
    values[name] = value;
    for (const call of listeners[`change:${name}`] ?? []) call();
  };
}

const world = screen(at("world"));
let drawn = { step: -1, at: performance.now() };
let told = { mode: "wait", actions: [], uid: -1 };
let waiting = JSON.parse(sessionStorage.getItem("aira-outbox") ?? "[]");
let token = localStorage.getItem("aira-class");
let socket = null;
let stored = 0;
let pause = 500; // before the next try
const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
at("code").value = code;

function note(text) {
  at("note").textContent = text;
}

function line() {
  const news = waiting.length ? `${waiting.length} on the way` : `${stored} stored`;
  at("line").textContent = socket?.readyState === 1 ? news : token ? "no connection" : ""; // who has not joined misses none
  at("line").dataset.stored = stored;
}

function send(message) {
  if (socket?.readyState === 1) socket.send(JSON.stringify(message));
}

function say(message) {
  waiting.push({ id: random_id(), ...message });
  send(waiting.at(-1));
  kept();
}

function kept() {
  sessionStorage.setItem("aira-outbox", JSON.stringify(waiting));
  line();
}

function show(section) {
  for (const id of ["join", "class"]) at(id).hidden = id !== section;
  if (section === "class") window.dispatchEvent(new Event("resize"));
}

function connect(greeting) {
  if (socket && socket.readyState < 2) return;
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/class/socket`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => send(greeting);
  socket.onmessage = (event) => (event.data instanceof ArrayBuffer ? frame(event.data) : heard(JSON.parse(event.data)));
  socket.onclose = () => {
    line();
    if (token) setTimeout(() => connect({ kind: "back", token }), (pause = Math.min(8000, pause * 1.5)));
  };
}

function frame(data) {
  world("frame", new DataView(data));
  const header = new DataView(data);
  const step = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, header.getUint32(0, true)))).step;
  if (step !== drawn.step) drawn = { step, at: performance.now() };
}

function heard(message) {
  const done = () => {
    waiting = waiting.filter((one) => one.id !== message.id);
    kept();
  };
  if (message.kind === "you") {
    token = message.token;
    localStorage.setItem("aira-class", token);
    at("name").textContent = message.name;
    pause = 500;
    note("");
    show("class");
    waiting.forEach(send); // what was said while there was no connection
    line();
  } else if (message.kind === "out") {
    token = null;
    localStorage.removeItem("aira-class");
    waiting = [];
    kept();
    note(message.reason);
    show("join");
  } else if (message.kind === "state") {
    told = message;
    world("chosen", message.uid);
    fill();
  } else if (message.kind === "stored") {
    stored += waiting.some((one) => one.id === message.id);
    note("");
    done();
  } else if (message.kind === "no") {
    note(message.reason);
    done();
  } else note(message.reason);
}

// What is asked.

const WORDS = {
  wait: "Look at the screen in front; nothing is asked just now.",
  vote: "Was that right, what the marked agent did?",
  steer: "You lead an agent of your own: press any key to get it.",
  compare: "Which of the two does better?",
  guess: "Who decides for the marked agent?",
};

function fill() {
  const can = told.ready && !told.frozen && !told.closed;
  at("state").textContent = told.closed
    ? "The lecturer's page is closed. Wait; nothing you said is lost."
    : told.frozen ? "Frozen: please wait." : told.ready ? WORDS[told.mode] : told.why || "The lecturer has not begun yet.";
  if (can && told.mode === "steer" && told.uid > 0) at("state").textContent = "The marked agent is yours.";
  at("vote").hidden = !(can && told.mode === "vote");
  at("steer").hidden = !(can && told.mode === "steer");
  at("world").hidden = told.mode === "compare" || told.mode === "guess";
  if (can && told.mode === "steer") keys();
  ask(can && (told.mode === "compare" || told.mode === "guess") ? told.question : null, can);
}

for (const button of at("vote").children)
  button.addEventListener("click", () =>
    say({ kind: "vote", value: Number(button.dataset.value), step: drawn.step, age_s: (performance.now() - drawn.at) / 1000 }));

let shownKeys = "";
function keys() {
  if (shownKeys === told.actions.join()) return;
  shownKeys = told.actions.join();
  const press = (action) => say({ kind: "press", action });
  fillKeys(at("steer"), told.actions, press, () => press(null));
}

let asked = null;
let films = [];
let answered = new Set();
async function ask(question, can) {
  at("ask").hidden = !question || answered.has(question.id);
  if (can && !question && (told.mode === "compare" || told.mode === "guess")) at("state").textContent = "All answered, thank you. Wait for the next.";
  if (!question || question.id === asked) return;
  asked = question.id;
  films.forEach(clearInterval);
  const [clips, row] = at("ask").children;
  // Sides are dealt by chance: who always says "left" says nothing.
  const order = question.clips === 2 && Math.random() < 0.5 ? [1, 0] : [...Array(question.clips).keys()];
  clips.replaceChildren();
  // Each has its side before its film comes: whichever comes first, left stays left.
  const boxes = order.map(() => clips.appendChild(document.createElement("div")));
  films = await Promise.all(order.map(async (number, side) => {
    const answer = await fetch(`/class/clip/${question.id}/${number}`, { method: "POST", headers: { "X-Token": token } });
    return answer.ok ? play(boxes[side], await answer.arrayBuffer(), question.uids[number]) : 0;
  }));
  const names = question.clips === 2 ? [["Left", question.answers[order[0]]], ["Right", question.answers[order[1]]], ...question.answers.slice(2).map((a) => [a, a])] : question.answers.map((a) => [a, a]);
  row.replaceChildren(
    ...[...names, ["skip", "skip"]].map(([name, answer]) => {
      const button = document.createElement("button");
      button.textContent = name[0].toUpperCase() + name.slice(1);
      button.addEventListener("click", () => {
        answered.add(question.id);
        at("ask").hidden = true;
        say({ kind: told.mode, question: question.id, answer });
      });
      return button;
    }),
  );
}

function play(box, film, uid) {
  const put = screen(box);
  put("chosen", uid);
  const frames = [];
  for (let i = 0; i + 4 <= film.byteLength; ) {
    const length = new DataView(film).getUint32(i, true);
    frames.push(new DataView(film, i + 4, length));
    i += 4 + length;
  }
  let number = 0;
  const next = () => put("frame", frames[number++ % frames.length]);
  next();
  return setInterval(next, 200);
}

// Joining, and coming back.

at("join").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!at("agreed").checked) return note("Please tick that you agree; without that you can watch the screen in front.");
  socket?.close();
  socket = null;
  connect({ kind: "join", code: at("code").value, agreed: true });
});
document.addEventListener("visibilitychange", () => !document.hidden && token && connect({ kind: "back", token }));
window.addEventListener("online", () => token && connect({ kind: "back", token }));
setInterval(() => {
  if (socket?.readyState !== 1) return;
  send({ kind: "here" });
  waiting.slice(0, 20).forEach(send);
}, 4000);
show(token ? "class" : "join");
if (token) connect({ kind: "back", token });
line();
