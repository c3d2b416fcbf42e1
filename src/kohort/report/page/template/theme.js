// Light and dark: the system's choice until the reader makes one.

const system = window.matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = null;

const theme = () => chosenTheme ?? (system.matches ? "dark" : "light");
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function mixed(color, other, share) {
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [a, b] = [parts(color), parts(other)];
  return `#${a.map((part, i) => Math.round(part + (b[i] - part) * share).toString(16).padStart(2, "0")).join("")}`;
}

// The shared palette; lightened where the ground is dark.
function seriesColor(place) {
  const color = PALETTE[place % PALETTE.length];
  return theme() === "dark" ? mixed(color, "#ffffff", 0.35) : color;
}

// One hue from faint to strong, so that lightness alone tells bad from good: for grounds, and for
// lines among which pinned ones must stand out.
const RAMPS = {
  ground: { light: ["#d3e2e6", "#4f9fac", "#004a55"], dark: ["#1f3840", "#2f8fa0", "#a8f0f5"] },
  lines: { light: ["#dfe6ec", "#93a7b8", "#34506a"], dark: ["#26323d", "#56728a", "#c6d9e8"] },
};

const ramp = (kind) => RAMPS[kind][theme()].map((color, place, all) => [place / (all.length - 1), color]);

function rampColor(kind, share) {
  const [low, middle, high] = RAMPS[kind][theme()];
  return share < 0.5 ? mixed(low, middle, 2 * share) : mixed(middle, high, 2 * share - 1);
}

function applyTheme() {
  document.documentElement.dataset.theme = theme();
  byId("theme").textContent = text(theme() === "dark" ? "light" : "dark");
}

function startTheme(redraw) {
  byId("theme").addEventListener("click", () => {
    chosenTheme = theme() === "dark" ? "light" : "dark";
    applyTheme();
    redraw();
  });
  system.addEventListener("change", () => {
    applyTheme();
    redraw();
  });
}
