// Puts the parts together: tables first, charts once Plotly is there.

const SECTIONS = ["board", "curves", "parallel", "effects", "schedule", "diagnosis", "timing", "reproduce"];

function labelAll() {
  document.documentElement.lang = language;
  for (const item of document.querySelectorAll("[data-text]")) item.textContent = text(item.dataset.text);
  for (const item of document.querySelectorAll("[data-label]")) item.setAttribute("aria-label", text(item.dataset.label));
  const parts = [labelBoard, labelCurves, labelParallel, labelEffects, labelSchedule, labelDiagnosis];
  for (const part of parts) part();
  byId("curves").hidden = !members.length;
  byId("parallel").hidden = !varying.length || candidates.length < 2;
  byId("contents").replaceChildren(...SECTIONS.filter((id) => !byId(id).hidden).map((id) => element("a", { href: `#${id}` }, text(`${id}_short`))));
}

function showAll() {
  state.shown = null;
  strip.range = null;
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
  document.addEventListener("DOMContentLoaded", () => {
    startCharts();
    document.documentElement.dataset.ready = "yes";
  });
}

start();
