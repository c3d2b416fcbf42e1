// The winner's learning rate, and its momentum where that moves.

function scheduleFigure() {
  const plan = facts.run.schedule;
  if (!plan) return null;
  const lineOf = (values, more) => ({ type: "scatter", mode: "lines", x: plan.epoch, y: values, line: { color: seriesColor(1), width: 2.2 }, hovertemplate: `${text("epoch")} %{x:.2f}<br>%{y:.4g}<extra></extra>`, ...more });
  const data = [lineOf(plan.rate)];
  if (plan.momentum) data.push(lineOf(plan.momentum, { yaxis: "y2", line: { color: seriesColor(3), width: 2.2 } }));
  const mark = (x, color, dash) => ({ type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color, width: 1.5, dash } });
  const label = (x, y, words) => ({ x, y, yref: "paper", text: words, showarrow: false, xanchor: x > 0.6 * plan.epoch.at(-1) ? "right" : "left", xshift: x > 0.6 * plan.epoch.at(-1) ? -5 : 5, font: { size: 11, color: variable("gray") }, bgcolor: mixedGround() });
  const bottom = plan.momentum ? 0.5 : 0.1;
  const shapes = [mark(plan.kept, variable("ink"), "dot")];
  const annotations = [label(plan.kept, bottom, text("kept"))];
  if (plan.trained < plan.epoch.at(-1)) {
    shapes.push(mark(plan.trained, variable("alert"), "dash"));
    annotations.push(label(plan.trained, bottom + 0.1, text("stopped")));
  }
  if (plan.warmup) shapes.push({ type: "rect", x0: 0, x1: plan.warmup, y0: 0, y1: 1, yref: "paper", fillcolor: variable("soft"), line: { width: 0 }, layer: "below" });
  return {
    data,
    layout: {
      shapes, annotations, margin: { l: 72 }, xaxis: { title: { text: text("epoch") }, range: [0, Math.ceil(plan.epoch.at(-1))], zeroline: false, anchor: plan.momentum ? "y2" : "y" },
      yaxis: { title: { text: text("rate") }, rangemode: "tozero", exponentformat: "power", domain: plan.momentum ? [0.42, 1] : [0, 1] },
      ...(plan.momentum ? { yaxis2: { ...axis(), title: { text: plan.momentum_name, font: { size: 13 } }, domain: [0, 0.32] } } : {}),
    },
  };
}

function labelSchedule() {
  const plan = facts.run.schedule;
  byId("schedule").hidden = !plan;
  if (!plan) return;
  const more = [plan.warmup ? text("warmup_note") : "", plan.name === "performance" ? text("plateau_note") : ""].filter(Boolean);
  byId("schedule-note").textContent = [text("schedule_note", { name: plan.name }), ...more].join(" ");
}

function startSchedule() {
  chart("schedule-chart", scheduleFigure);
}
