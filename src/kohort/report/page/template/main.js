// Puts the parts together: tables first, then charts.

const SECTIONS = ["board", "ensemble", "curves", "parallel", "effects", "schedule", "diagnosis", "timing", "reproduce"];

function labelAll() {
  document.documentElement.lang = language;
  for (const item of document.querySelectorAll("[data-text]")) item.textContent = text(item.dataset.text);
  for (const item of document.querySelectorAll("[data-label]")) item.setAttribute("aria-label", text(item.dataset.label));
  const parts = [labelBoard, labelEnsemble, labelCurves, labelParallel, labelEffects, labelSchedule, labelDiagnosis];
  for (const part of parts) part();
  byId("curves").hidden = !members.length;
  byId("parallel").hidden = !varying.length || candidates.length < 2;
  byId("contents").replaceChildren(...SECTIONS.filter((id) => !byId(id).hidden).map((id) => element("a", { href: `#${id}` }, text(`${id}_short`))));
}

function showAll() {
  state.shown = null;
  applyTheme();
  showSummary();
  labelAll();
  showLive();
  showBoard();
  showTimes();
  showRun();
  redraw();
}

function start() {
  take(embedded("facts"));
  const choice = byId("language");
  choice.value = language;
  choice.addEventListener("change", () => {
    language = choice.value;
    showAll();
  });
  for (const part of [startBoard, startCurves, startParallel, startEffects, startSchedule, startDiagnosis, startRun, startLive]) part();
  listeners.push(() => redraw(["curves-chart", "parallel-chart", "pair-chart"]));
  startTheme(showAll);
  showAll();
  // The window is painted, and answers, before Plotly takes its second to be read.
  requestAnimationFrame(() => setTimeout(() => {
    reach("tables");
    setTimeout(loadPlotly);
  }));
}

function loadPlotly() {
  document.body.append(element("script", {}, byId("plotly").textContent));
  startCharts();
  reach("charts");
}

function reach(stage) {
  document.documentElement.dataset.ready = stage;
  performance.mark(stage);
}

start();
