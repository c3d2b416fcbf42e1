// Learning curves of all fits: one faint mass, and lines of their own for pinned candidates.

const MOST_POINTS = 60000;

function chosenLog() {
  const names = Object.keys(logs);
  const wanted = byId("curves-log").value;
  return names.includes(wanted) ? wanted : names.includes("val_loss") ? "val_loss" : names[0];
}

function chosenMembers() {
  const fold = byId("curves-fold").value || "folds";
  const wanted = (member) => (fold === "folds" ? member.fold > 0 : fold === "all" || String(member.fold) === fold);
  return members.filter((member) => wanted(member) && shown().has(member.candidate));
}

// Every n-th point of one member, and always the last.
function points(member, values, stride) {
  const found = [];
  for (let i = 0; i < member.count; i++) {
    if (i % stride && i !== member.count - 1) continue;
    const value = values[member.offset + i];
    if (Number.isFinite(value)) found.push([epochs[member.offset + i], value]);
  }
  return found;
}

function joined(group, values, stride) {
  const x = [], y = [], owners = [];
  for (const member of group) {
    for (const [epoch, value] of points(member, values, stride)) {
      x.push(epoch);
      y.push(value);
      owners.push(member.number);
    }
    x.push(null);
    y.push(null);
    owners.push(-1);
  }
  return { x, y, customdata: owners, type: "scatter", mode: "lines", hoverinfo: "none", connectgaps: false };
}

function keptEpochs(group, values) {
  const found = group
    .map((member) => [member, points(member, values, 1).find(([epoch]) => epoch === member.best)])
    .filter(([, point]) => point);
  return {
    x: found.map(([, point]) => point[0]), y: found.map(([, point]) => point[1]), customdata: found.map(([member]) => member.number),
    type: "scatter", mode: "markers", hoverinfo: "none",
  };
}

function curvesFigure() {
  const name = chosenLog();
  const values = logs[name];
  if (!values) return null;
  const group = chosenMembers();
  const pinned = pins().filter((id) => shown().has(id));
  const rest = group.filter((member) => !pinned.includes(member.candidate));
  const total = rest.reduce((sum, member) => sum + member.count, 0);
  const stride = Math.max(1, Math.ceil(total / MOST_POINTS));
  const opacity = Math.max(0.25, Math.min(0.8, 60 / Math.sqrt(rest.length * 50 + 1)));
  const data = [{ ...joined(rest, values, stride), line: { color: variable("faint"), width: 1, simplify: true }, opacity }];
  for (const id of [...pinned].reverse()) {
    const own = group.filter((member) => member.candidate === id);
    const color = colorOf(id);
    data.push({ ...joined(own, values, 1), line: { color, width: 2 } });
    data.push({ ...keptEpochs(own, values), marker: { color, size: 7, line: { color: variable("paper"), width: 1.5 } } });
  }
  return { data, layout: curvesLayout(name, group, values), events: { plotly_hover: overCurve, plotly_unhover: leaveCurve, plotly_click: pinCurve } };
}

function curvesLayout(name, group, values) {
  const near = group.filter((member) => onScale(candidateOf.get(member.candidate)));
  const finite = (near.length ? near : group).flatMap((member) => points(member, values, Math.ceil(member.count / 20)).map(([, value]) => value)).sort((a, b) => a - b);
  const log = byId("curves-scale").checked && finite[0] > 0;
  const low = finite[0] ?? 0;
  // Fits that diverged, and those of scores far behind the rest, may not stretch the axis.
  const high = Math.max(quantile(finite, 0.97) ?? 1, low + Math.abs(low) * 0.05 + 1e-9);
  const gap = log ? 0.04 * Math.log10(high / low) : 0.04 * (high - low);
  const range = log ? [Math.log10(low) - gap, Math.log10(high) + gap] : [low - gap, high + gap];
  const last = group.reduce((most, member) => Math.max(most, member.trained), 2);
  return {
    xaxis: { title: { text: text("epoch") }, range: [1, last + 0.015 * (last - 1)], zeroline: false },
    yaxis: { title: { text: escaped(name) }, type: log ? "log" : "linear", range, zeroline: false, minor: { showgrid: false }, ...(log ? logTicks(low, high) : {}) },
    // A zoom is kept until the reader asks for something else.
    uirevision: [name, log, state.filter, byId("curves-fold").value].join(),
  };
}

function foldName(fold) {
  return fold ? text("fold", { n: fold }) : text("refit");
}

function overCurve(event) {
  const point = event.points[0];
  const member = members[point.customdata];
  if (!member) return;
  const candidate = candidateOf.get(member.candidate);
  const color = colorOf(candidate.id) ?? variable("accent");
  overlay(byId("curves-chart"), points(member, logs[chosenLog()], 1), color);
  showTip(event.event, candidate, text("candidate", { n: candidate.rank }) + " · " + foldName(member.fold), [
    [text("epoch"), short(point.x)],
    [chosenLog(), short(point.y, 4)],
    [text("status"), text(`status_${member.status}`)],
  ]);
}

function leaveCurve() {
  overlay(byId("curves-chart"), null);
  hideTip();
}

function pinCurve(event) {
  const member = members[event.points[0].customdata];
  if (member) toggle(member.candidate);
}

function labelCurves() {
  options(byId("curves-log"), Object.keys(logs).map((name) => [name, name]), chosenLog());
  const folds = [...new Set(members.map((member) => member.fold))].sort((a, b) => a - b);
  const chosen = byId("curves-fold").value || "folds";
  options(byId("curves-fold"), [["folds", text("all_folds")], ...folds.map((fold) => [String(fold), foldName(fold)]), ["all", text("all_fits")]], chosen);
  const thinned = facts.curves.thinned ? ` ${text("thinned")}` : "";
  byId("curves-note").textContent = text("curves_note") + thinned;
}

function startCurves() {
  chart("curves-chart", curvesFigure, leaveCurve);
  for (const id of ["curves-log", "curves-fold", "curves-scale"]) byId(id).addEventListener("change", () => redraw(["curves-chart"]));
}
