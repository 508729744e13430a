// The elements of a world on the page, and how they look.

function make(tag, properties, parent) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

const STYLE = `
.aira-world { position: relative; width: 100%; }
.aira-world canvas { display: block; width: 100%; touch-action: none; border-radius: 6px; cursor: crosshair;
  box-shadow: 0 0 0 1px #8885; }
.aira-world canvas:focus-visible { outline: 3px solid #1976d2; outline-offset: -3px; } /* within: a card cuts off what stands out */
.aira-world .tip { position: absolute; pointer-events: none; padding: 2px 8px; border-radius: 4px; font-size: 13px;
  background: rgba(20,20,20,.85); color: #fff; white-space: nowrap; display: none; }
.aira-world .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: center; margin-top: 8px; font-size: 14px; }
.aira-world .legend span { display: inline-flex; align-items: center; gap: 6px; }
.aira-world .legend i { display: inline-block; width: 90px; height: 12px; border-radius: 2px; border: 1px solid #8886; }
`;
