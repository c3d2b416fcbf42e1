// Parallel coordinates: one line per candidate, from parameter to parameter to its score.

const SHADES = 8;
const FEW = 6;

function parallelAxes() {
  // Scores far behind the rest would press all others together: they lie at the end of the scale.
  const means = candidates.filter(onScale).map((candidate) => candidate.mean);
  const last = { name: scoreName(), numeric: true, log: false, low: Math.min(...means), high: Math.max(...means), of: (candidate) => candidate.mean, key: "score" };
  const own = varying.map((parameter) => {
    const of = (candidate) => candidate.parameters[parameter.name];
    const own = { ...parameter, key: parameter.name, of, values: [...new Set(parameter.values)] };
    if (!parameter.numeric) return { ...own, choices: own.values.sort() };
    return { ...own, low: Math.min(...own.values), high: Math.max(...own.values) };
  });
  return [...own, last];
}

const scaled = (axis, value) => (axis.log ? Math.log10(value) : value);

// Where a value lies on an axis, from 0 to 1.
function height(axis, value) {
  if (axis.choices) return axis.choices.length > 1 ? axis.choices.indexOf(value) / (axis.choices.length - 1) : 0.5;
  const [low, high] = [scaled(axis, axis.low), scaled(axis, axis.high)];
  return high > low ? Math.min(1, Math.max(0, (scaled(axis, value) - low) / (high - low))) : 0.5;
}

function valueAt(axis, place) {
  const [low, high] = [scaled(axis, axis.low), scaled(axis, axis.high)];
  const found = low + (high - low) * place;
  return axis.log ? 10 ** found : found;
}

// The height of a candidate's line; where many share a value, a little beside it.
function heightOf(axis, candidate) {
  const exact = height(axis, axis.of(candidate));
  const crowded = axis.values?.length <= FEW && candidates.length > 2 * FEW;
  return crowded ? exact + 0.05 * (((candidate.id * 0.618) % 1) - 0.5) : exact;
}

function threads(group, axes) {
  const x = [], y = [], customdata = [];
  for (const candidate of group) {
    axes.forEach((axis, place) => {
      x.push(place);
      y.push(heightOf(axis, candidate));
      customdata.push(candidate.id);
    });
    x.push(null);
    y.push(null);
    customdata.push(-1);
  }
  return { x, y, customdata, type: "scatter", mode: "lines+markers", hoverinfo: "none", marker: { size: 6, opacity: 0 } };
}

function parallelFigure() {
  const ordered = orderedScores();
  if (!varying.length || ordered.length < 2) return null;
  const axes = parallelAxes();
  byId("parallel-chart").style.minWidth = `${axes.length * 78}px`;
  const visible = ordered.filter((candidate) => shown().has(candidate.id));
  const pinned = pins();
  const data = [];
  for (let shade = 0; shade < SHADES; shade++) {
    const group = visible.filter((candidate) => !pinned.includes(candidate.id) && Math.min(SHADES - 1, Math.floor((SHADES * ordered.indexOf(candidate)) / ordered.length)) === shade);
    const share = shade / (SHADES - 1);
    data.push({ ...threads(group, axes), line: { color: rampColor("lines", share), width: 1 + 0.6 * share }, opacity: 0.45 + 0.4 * share });
  }
  for (const candidate of visible.filter(({ id }) => pinned.includes(id))) {
    const color = colorOf(candidate.id);
    data.push({ ...threads([candidate], axes), line: { color, width: 2.6 }, marker: { size: 6, opacity: 1, color } });
  }
  return { data, layout: parallelLayout(axes), events: { plotly_hover: overThread, plotly_unhover: leaveThread, plotly_click: pinThread, plotly_selected: brush } };
}

function ticksOf(axis) {
  if (axis.choices) return axis.choices.slice(0, 12).map((choice) => [height(axis, choice), short(choice)]);
  if (axis.values?.length <= FEW) return axis.values.map((value) => [height(axis, value), short(value)]);
  return [0, 0.25, 0.5, 0.75, 1].map((place) => [place, short(valueAt(axis, place), axis.key === "score" ? 3 : 2)]);
}

function parallelLayout(axes) {
  const small = narrow();
  const label = (place, y, shownText, more) => ({ x: place, y, text: shownText, showarrow: false, font: { size: small ? 10 : 11, color: variable("gray") }, bgcolor: mixedGround(), borderpad: 1, ...more });
  const annotations = axes.flatMap((axis, place) =>
    ticksOf(axis).map(([y, name]) => label(place, y, escaped(name), { xanchor: place === axes.length - 1 ? "left" : "right", xshift: place === axes.length - 1 ? 6 : -6 })),
  );
  return {
    margin: { l: 64, r: 64, t: small ? 78 : 40, b: 18 },
    dragmode: small ? false : "select",
    selectdirection: "any",
    xaxis: {
      range: [-0.02, axes.length - 0.98], side: "top", tickvals: axes.map((_, place) => place), ticktext: axes.map(({ name }) => escaped(name)), zeroline: false,
      tickangle: small ? -40 : 0, gridcolor: variable("faint"), tickfont: { size: small ? 11 : 12.5, color: variable("ink") }, fixedrange: true,
    },
    yaxis: { range: [-0.05, 1.05], visible: false, fixedrange: true },
    annotations,
    selections: [],
    uirevision: state.filter,
  };
}

const mixedGround = () => (theme() === "dark" ? "rgba(24,33,42,.75)" : "rgba(255,255,255,.8)");

// Plotly takes some tags for markup; names are text.
function escaped(name) {
  return String(name).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function overThread(event) {
  const candidate = candidateOf.get(event.points[0].customdata);
  if (!candidate) return;
  const axes = parallelAxes();
  overlay(byId("parallel-chart"), axes.map((axis, place) => [place, heightOf(axis, candidate)]), colorOf(candidate.id) ?? variable("accent"));
  showTip(event.event, candidate, text("candidate", { n: candidate.rank }), [[scoreName(), score(candidate.mean)]]);
}

function leaveThread() {
  overlay(byId("parallel-chart"), null);
  hideTip();
}

function pinThread(event) {
  const candidate = candidateOf.get(event.points[0].customdata);
  if (candidate) toggle(candidate.id);
}

// A box drawn over axes becomes terms of the filter.
function brush(event) {
  if (!event?.range) return;
  const [left, right] = [...event.range.x].sort((a, b) => a - b);
  const [low, high] = [...event.range.y].sort((a, b) => a - b);
  const terms = parallelAxes()
    .filter((_, place) => left <= place && place <= right)
    .flatMap((axis) => termsOf(axis, low, high));
  if (!terms.length) return;
  const named = new Set(terms.map((term) => COMPARISON.exec(term)?.[1]));
  const kept = state.filter.split(/\s+/).filter((term) => term && !named.has(COMPARISON.exec(term)?.[1]));
  byId("filter").value = [...kept, ...terms].join(" ");
  change({ filter: byId("filter").value });
}

function termsOf(axis, low, high) {
  if (axis.choices) {
    const inside = axis.choices.filter((choice) => low <= height(axis, choice) && height(axis, choice) <= high);
    if (inside.length === 1) return [`${axis.key}=${squeezed(inside[0])}`];
    return axis.choices.filter((choice) => !inside.includes(choice)).map((choice) => `${axis.key}!=${squeezed(choice)}`);
  }
  const terms = [];
  if (low > 0) terms.push(`${axis.key}>=${short(valueAt(axis, low), 3)}`);
  if (high < 1) terms.push(`${axis.key}<=${short(valueAt(axis, high), 3)}`);
  return terms;
}

function labelParallel() {
  const bar = element("span", { class: "ramp", role: "img", "aria-label": text("ramp") });
  bar.style.background = `linear-gradient(to right, ${ramp("lines").map(([, color]) => color).join(",")})`;
  const beyond = facts.scale?.outside ? ` ${text("outside", { n: facts.scale.outside })}` : "";
  byId("parallel-note").replaceChildren(`${text("parallel_note")}${beyond} `, text("worst"), bar, text("best_word"));
}

function startParallel() {
  chart("parallel-chart", parallelFigure, leaveThread);
}
