// What a diagnosis found, and what it measured layer by layer.

// `rank 3 · fold 1`, or whatever name a fit was given.
function ownerOf(row) {
  const candidate = row.candidate === "" ? undefined : candidateOf.get(Number(row.candidate));
  return candidate ? `${text("candidate", { n: candidate.rank })} · ${foldName(Number(row.fold))}` : row.member;
}

function finding(row) {
  const owner = ownerOf(row);
  const more = row.count > 1 ? text("more_fits", { n: row.count - 1 }) : "";
  const where = [[owner, more].filter(Boolean).join(" "), row.layer].filter(Boolean).join(" · ");
  const part = (name) => (row[name] ? element("p", {}, element("b", {}, `${text(name)}: `), row[name]) : null);
  return element("article", { class: `finding ${row.severity}` },
    element("h3", {}, element("span", { class: "chip" }, text(`severity_${row.severity}`)), row.code.replaceAll("_", " "), element("small", {}, where)),
    row.explanation ? element("p", {}, row.explanation) : null, part("evidence"), part("remedy"), part("reference"));
}

function chosenFlow() {
  const member = facts.diagnosis?.layers[Number(byId("flow-member").value) || 0];
  if (!member) return null;
  const names = Object.keys(member.quantities);
  const wanted = byId("flow-quantity").value;
  return { member, name: names.includes(wanted) ? wanted : names.includes("gradient") ? "gradient" : names[0] };
}

// One line per step or epoch over the layers, early ones faint and late ones strong.
function flowFigure() {
  const chosen = chosenFlow();
  if (!chosen) return null;
  const { member, name } = chosen;
  const table = member.quantities[name];
  const count = member.times.length;
  const places = [...new Set(Array.from({ length: Math.min(8, count) }, (_, i) => Math.round((i * (count - 1)) / Math.max(1, Math.min(8, count) - 1))))];
  const positive = table.flat().every((value) => value == null || value > 0);
  const data = places.map((place, i) => ({
    type: "scatter", mode: "lines+markers", x: member.layers.map((_, layer) => layer), y: table.map((layer) => layer[place]), text: member.layers.map(escaped),
    line: { color: rampColor("ground", places.length > 1 ? i / (places.length - 1) : 1), width: 2 }, marker: { size: 5 },
    hovertemplate: `%{text}<br>${text(member.axis)} ${member.times[place]}: %{y:.3g}<extra></extra>`,
  }));
  return {
    data,
    layout: {
      margin: { b: 78 }, xaxis: { tickvals: member.layers.map((_, layer) => layer), ticktext: member.layers.map(escaped), tickangle: -40, zeroline: false },
      yaxis: { title: { text: escaped(name) }, type: positive ? "log" : "linear", exponentformat: "power", ...(positive ? { dtick: 1 } : {}) },
    },
  };
}

function labelDiagnosis() {
  const found = facts.diagnosis;
  byId("diagnosis").hidden = !found;
  if (!found) return;
  byId("findings").replaceChildren(...(found.findings.length ? found.findings.map(finding) : [element("p", { class: "empty" }, text("nothing_found"))]));
  byId("flow").hidden = !found.layers.length;
  if (!found.layers.length) return;
  options(byId("flow-member"), found.layers.map((member, place) => [String(place), ownerOf(member)]), byId("flow-member").value || "0");
  const { member, name } = chosenFlow();
  options(byId("flow-quantity"), Object.keys(member.quantities).map((quantity) => [quantity, quantity.replaceAll("_", " ")]), name);
}

function startDiagnosis() {
  chart("flow-chart", flowFigure);
  for (const id of ["flow-member", "flow-quantity"]) {
    byId(id).addEventListener("change", () => {
      labelDiagnosis();
      redraw(["flow-chart"]);
    });
  }
}
