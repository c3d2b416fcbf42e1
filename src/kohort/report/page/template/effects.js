// How much each parameter matters, alone and in pairs.

function importanceFigure() {
  const found = facts.importance;
  if (found?.status !== "shown") return null;
  const names = [...found.names].reverse();
  const shares = [...found.shares].reverse();
  const widest = Math.max(...names.map((name) => name.length));
  return {
    data: [{
      type: "bar", orientation: "h", x: shares, y: names.map(escaped), text: shares.map(percent), textposition: "outside", cliponaxis: false,
      marker: { color: variable("accent") }, hoverinfo: "none", width: 0.55,
    }],
    layout: {
      margin: { l: Math.min(150, 16 + 7.5 * widest), r: 56, t: 6, b: 40 }, dragmode: false,
      xaxis: { range: [0, Math.max(...shares) * 1.08], tickformat: ".0%", title: { text: text("share") }, fixedrange: true, zeroline: false },
      yaxis: { fixedrange: true, gridcolor: "rgba(0,0,0,0)", ticklabelstandoff: 6 },
    },
  };
}

const chosenPair = () => facts.interactions?.pairs[Number(byId("pair").value) || 0];

function pairAxis(name, grid) {
  const parameter = facts.parameters.find((other) => other.name === name);
  return { title: { text: escaped(name) }, type: parameter.numeric ? (parameter.log ? "log" : "linear") : "category", automargin: !parameter.numeric, zeroline: false, fixedrange: true, ...(parameter.log ? logTicks(grid[0], grid.at(-1)) : {}), ...(parameter.numeric ? { autorange: false, range: span(grid, parameter.log) } : {}) };
}

function span(grid, log) {
  const ends = [grid[0], grid.at(-1)].map((value) => (log ? Math.log10(value) : value));
  const gap = 0.02 * (ends[1] - ends[0]);
  return [ends[0] - gap, ends[1] + gap];
}

function pairFigure() {
  const pair = chosenPair();
  if (!pair) return null;
  const visible = candidates.filter((candidate) => candidate.mean != null && shown().has(candidate.id));
  // Choices are written on the axes.
  const place = (value) => (typeof value === "string" ? escaped(value) : value);
  const value = (candidate, name) => place(candidate.parameters[name]);
  const marker = { size: 8, color: visible.map((candidate) => candidate.mean), coloraxis: "coloraxis", line: { width: 1.2, color: variable("ink") } };
  return {
    data: [
      { type: "heatmap", x: pair.xs.map(place), y: pair.ys.map(place), z: pair.surface, coloraxis: "coloraxis", hoverinfo: "none", zsmooth: false },
      { type: "scatter", mode: "markers", x: visible.map((c) => value(c, pair.x)), y: visible.map((c) => value(c, pair.y)), customdata: visible.map(({ id }) => id), marker, hoverinfo: "none" },
    ],
    layout: {
      margin: { l: 76, r: 10, t: 6, b: 46 }, dragmode: false,
      coloraxis: { colorscale: ramp("ground"), cmin: Math.min(...pair.surface.flat()), cmax: Math.max(...pair.surface.flat()), colorbar: { thickness: 10, outlinewidth: 0, tickfont: { size: 11 }, title: { text: escaped(scoreName()), font: { size: 12 } } } },
      xaxis: pairAxis(pair.x, pair.xs), yaxis: pairAxis(pair.y, pair.ys),
    },
    events: { plotly_hover: overPair, plotly_unhover: hideTip, plotly_click: (event) => event.points[0].customdata != null && toggle(event.points[0].customdata) },
  };
}

function overPair(event) {
  const candidate = candidateOf.get(event.points.at(-1).customdata);
  if (candidate) showTip(event.event, candidate, text("candidate", { n: candidate.rank }), [[scoreName(), score(candidate.mean)]]);
}

function labelEffects() {
  const found = facts.importance;
  const known = found?.status === "shown";
  byId("effects").hidden = !found;
  byId("effects-pair").hidden = !known;
  byId("effects-why").hidden = known;
  if (!known) {
    byId("effects-why").textContent = found ? text(`importance_${found.status}`, { n: found.candidates, fewest: found.fewest }) : "";
    return;
  }
  const held = found.held ? ` ${text("held", { n: found.held })}` : "";
  byId("importance-note").textContent = text("importance_note", { n: found.candidates }) + held;
  byId("interactions").hidden = !facts.interactions;
  if (!facts.interactions) return;
  options(byId("pair"), facts.interactions.pairs.map(({ x, y, share }, place) => [String(place), `${x} × ${y} (${percent(share)})`]), byId("pair").value || "0");
  byId("pair-note").textContent = text("pair_note", { r: facts.interactions.out_of_bag.toFixed(2) });
}

function startEffects() {
  chart("importance-chart", importanceFigure);
  chart("pair-chart", pairFigure, hideTip);
  byId("pair").addEventListener("change", () => redraw(["pair-chart"]));
}
