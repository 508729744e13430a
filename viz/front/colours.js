// Colours of the palettes that Python sends along: as numbers, as a pixel, as CSS.

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const pixel = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r;
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

// 256 colours between the stops of a palette.
function ramp(stops) {
  const colours = stops.map(rgb);
  return Array.from({ length: 256 }, (_, value) => {
    const place = (value / 255) * (colours.length - 1);
    const low = Math.min(Math.floor(place), colours.length - 2);
    return colours[low].map((c, i) => Math.round(c + (colours[low + 1][i] - c) * (place - low)));
  });
}

// All that is painted with, on a pale and on a dark page.
class Colours {
  constructor(look) {
    this.roles = look.roles;
    this.stops = look.grounds;
    this.things = look.things;
    this.scales = look.scale;
    this.ramps = { light: ramp(look.scale.light), dark: ramp(look.scale.dark) };
    this.grounds = { light: {}, dark: {} };
    for (const theme of ["light", "dark"])
      for (const [name, stops] of Object.entries(look.grounds[theme]))
        this.grounds[theme][name] = Uint32Array.from(ramp(stops), pixel);
    this.follow();
  }

  // Takes the theme of the page; says whether it has changed.
  follow() {
    const before = this.theme;
    this.theme = document.querySelector(".v-application")?.classList.contains("theme--dark") ? "dark" : "light";
    this.dark = this.theme === "dark";
    if (before === this.theme) return false;
    this.scale = this.ramps[this.theme];
    this.scalePixels = Uint32Array.from(this.scale, pixel);
    return true;
  }

  // Of a role by its number, of a thing by its name.
  of({ slot }) {
    const roles = this.roles[this.theme];
    return this.things[this.theme][slot] ?? roles[slot % roles.length];
  }

  get edge() {
    return this.dark ? "#111" : "#fff";
  }
}
