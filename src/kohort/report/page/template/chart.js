// Charts are drawn when they come near the window, and again when what they show has changed.

const charts = new Map();
let observer = null;

// `draw()` gives { data, layout, events } for Plotly, or null for nothing to show.
function chart(id, draw, after = () => {}) {
  charts.set(id, { draw, after, near: false, stale: true });
}

function redraw(ids = [...charts.keys()]) {
  for (const id of ids) {
    const entry = charts.get(id);
    if (!entry) continue;
    entry.stale = true;
    if (entry.near) render(id);
  }
}

function startCharts() {
  observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const entry = charts.get(target.id);
      entry.near = isIntersecting;
      if (isIntersecting && entry.stale) render(target.id);
    }
  }, { rootMargin: "200px" });
  for (const id of charts.keys()) observer.observe(byId(id));
}

function render(id) {
  if (!window.Plotly) return;
  const entry = charts.get(id);
  const box = byId(id);
  const figure = entry.draw();
  entry.stale = false;
  if (!figure) {
    window.Plotly.purge(box);
    return;
  }
  const first = !box.data;
  window.Plotly.react(box, figure.data, merged(baseLayout(), figure.layout), {
    responsive: true, displayModeBar: false, doubleClick: "reset",
  });
  if (first) for (const [name, listener] of Object.entries(figure.events ?? {})) box.on(name, listener);
  entry.after(box);
}

const narrow = () => window.innerWidth < 736;

const axis = () => ({
  gridcolor: variable("grid"), linecolor: variable("faint"), zerolinecolor: variable("grid"),
  tickfont: { size: 12 }, title: { font: { size: 13 }, standoff: 8 }, automargin: false,
});

function baseLayout() {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { family: getComputedStyle(document.body).fontFamily, color: variable("ink"), size: 13 },
    margin: { l: 62, r: 14, t: 10, b: 46 }, dragmode: narrow() ? false : "zoom",
    xaxis: axis(), yaxis: axis(), uirevision: "kept",
    hoverlabel: { bgcolor: variable("paper"), bordercolor: variable("faint"), font: { color: variable("ink") } },
  };
}

// Values to name on a logarithmic axis, in the page's own way of writing numbers.
function logTicks(low, high) {
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) powers.push(power);
  const most = narrow() ? 6 : 10;
  const values = [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]
    .map((steps) => powers.flatMap((power) => steps.map((step) => step * 10 ** power)).filter((value) => low * 0.9 <= value && value <= high * 1.1))
    .find((found, choice) => found.length <= most || choice === 3);
  return { tickmode: "array", tickvals: values, ticktext: values.map((value) => short(value, 2)), tickangle: 0 };
}

const isPlain = (value) => value && typeof value === "object" && !Array.isArray(value);

function merged(base, more) {
  const result = { ...base };
  for (const [name, value] of Object.entries(more)) result[name] = isPlain(value) && isPlain(base[name]) ? merged(base[name], value) : value;
  return result;
}

// A box beside the pointer about one candidate.
function showTip(event, candidate, heading, entries) {
  const tip = byId("tip");
  const parameters = varying.map((parameter) => [parameter.name, short(candidate.parameters[parameter.name])]);
  tip.replaceChildren(
    element("b", {}, heading),
    element("dl", {}, ...[...entries, ...parameters].flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
  );
  tip.hidden = false;
  const room = { x: window.innerWidth - tip.offsetWidth - 12, y: window.innerHeight - tip.offsetHeight - 12 };
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 16, room.x))}px`;
  tip.style.top = `${Math.max(8, Math.min(event.clientY + 16, room.y))}px`;
}

function hideTip() {
  byId("tip").hidden = true;
}

// A line over a chart, in its own layer, so that hovering redraws nothing else.
function overlay(box, points, color) {
  let layer = box.querySelector("svg.overlay");
  if (!layer) {
    layer = drawn("svg", { class: "overlay", width: "100%", height: "100%" });
    box.append(layer);
  }
  layer.replaceChildren();
  if (!points) return;
  const { xaxis, yaxis, margin } = box.layout;
  const width = box.clientWidth - margin.l - margin.r;
  const height = box.clientHeight - margin.t - margin.b;
  const place = (value, { range, type }) => ((type === "log" ? Math.log10(value) : value) - range[0]) / (range[1] - range[0]);
  const path = points
    .map(([x, y]) => [margin.l + width * place(x, xaxis), margin.t + height * (1 - place(y, yaxis))])
    .filter((pair) => pair.every(Number.isFinite))
    .map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`)
    .join("");
  const clip = drawn("clipPath", { id: `${box.id}-clip` }, drawn("rect", { x: margin.l, y: margin.t, width, height }));
  const line = (stroke, thick) => drawn("path", { d: path, fill: "none", stroke, "stroke-width": thick, "clip-path": `url(#${box.id}-clip)`, "stroke-linejoin": "round" });
  layer.append(clip, line(variable("paper"), 6), line(color, 2.5));
}
