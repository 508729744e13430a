// The keys of an agent: a button for each action, arrows where they are moves. Shared by the pads and the phones.

export const ARROWS = { up: "▲", down: "▼", left: "◀", right: "▶︎" };
const CELLS = { up: "1/2", left: "2/1", stay: "2/2", right: "2/3", down: "3/2" };
export const TEXT = "input, textarea, select, [contenteditable], .v-select, .v-text-field";

export function make(tag, properties, parent) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

// Not `crypto.randomUUID`, which a page without a certificate does not have.
export const random_id = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

// Fills `group` with buttons that call `press(name)` and `release(name)`.
export function fillKeys(group, actions, press, release) {
  const arrows = actions.every((name) => name in CELLS);
  group.replaceChildren();
  group.classList.toggle("arrows", arrows);
  actions.forEach((name, i) => {
    const button = make("button", { type: "button", textContent: ARROWS[name] ?? name }, group);
    button.setAttribute("aria-label", `Go ${name}`);
    if (!(name in ARROWS)) make("kbd", { textContent: String(i + 1) }, button);
    if (arrows) button.style.gridArea = CELLS[name];
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      press(name);
    });
    for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => release(name));
  });
}

// The action that a key of the keyboard stands for; `undefined`: none.
export function actionOf(event, actions) {
  const named = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" }[event.key];
  if (named) return actions.includes(named) ? named : undefined;
  return /^[1-9]$/.test(event.key) ? actions[Number(event.key) - 1] : undefined;
}

export const PAD_STYLE = `
.aira-pad { display: flex; flex-direction: column; gap: 10px; font-size: 14px; color: inherit; }
.aira-pad .buttons { display: flex; flex-wrap: wrap; gap: 8px; }
.aira-pad button { border: 1px solid #8888; border-radius: 8px; padding: 8px 12px; min-height: 44px; color: inherit;
  background: rgba(128,128,128,.12); cursor: pointer; touch-action: manipulation; user-select: none; }
.aira-pad button:active { background: rgba(128,128,128,.35); }
.aira-pad button:disabled { opacity: .4; cursor: default; }
.aira-pad button.good { border-color: #0072B2; }
.aira-pad button.bad { border-color: #D55E00; }
.aira-pad kbd { font: 12px monospace; border: 1px solid #8886; border-radius: 4px; padding: 0 4px; margin-left: 6px; }
.aira-pad .keys { display: flex; flex-wrap: wrap; gap: 8px; }
.aira-pad .keys[hidden] { display: none !important; }
.aira-pad .keys.arrows { display: grid; grid-template-columns: repeat(3, 64px); gap: 6px; }
.aira-pad .state { min-height: 1.4em; opacity: .8; font-variant-numeric: tabular-nums; }
`;
