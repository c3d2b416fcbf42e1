// What the search was and what it came to: title, figures, times, how to run it again.

function card(heading, value, more) {
  return element("div", {}, element("dt", {}, heading), element("dd", {}, value, more ? element("small", {}, more) : null));
}

function fitsInWords(counts) {
  return Object.entries(counts ?? {}).map(([name, n]) => `${n} ${text(`status_${name}`)}`).join(", ");
}

function showSummary() {
  const run = facts.run;
  const target = run.data?.target;
  byId("title").textContent = target ? text("title_target", { target }) : text("title");
  document.title = `${byId("title").textContent} – kohort`;
  const rowsOf = run.data?.rows ? text("rows_searched", { n: run.data.rows.searched, total: run.data.rows.all }) : "";
  const seed = run.seed == null ? "" : text("seed_is", { n: run.seed });
  byId("subtitle").textContent = [run.method && text(`method_${run.method}`), rowsOf, seed].filter(Boolean).join(" · ");
  const best = candidates[0];
  const counts = run.statuses ?? {};
  const live = facts.live;
  const fits = live?.fits || Object.values(counts).reduce((sum, n) => sum + n, 0) || members.length;
  const time = run.seconds?.search;
  byId("cards").replaceChildren(
    card(text("best_score", { name: scoreName() }), score(best?.mean), best?.std == null ? "" : `± ${score(best.std)} · ${text("over_folds", { n: facts.board.folds.length })}`),
    ...(run.test_score == null ? [] : [card(text("test_score", { name: scoreName() }), score(run.test_score), text("test_rows", { n: run.data.rows.tested }))]),
    card(text("candidates"), String(live ? (run.candidates ?? 0) : candidates.length), text("times_folds", { n: run.cv ?? facts.board.folds.length })),
    ...(fits ? [card(text("fits"), String(fits), fitsInWords(counts))] : []),
    ...(time == null ? [] : [card(text("time"), duration(time), text("per_fit", { n: short((1000 * time) / Math.max(1, fits), 2) }))]),
  );
}

const KINDS = { train: 1, compile: 2, host: 3, idle: null };

function showTimes() {
  const times = facts.run.times;
  byId("timing").hidden = !times;
  if (!times) return;
  const total = Object.values(times.seconds).reduce((sum, seconds) => sum + seconds, 0) || 1;
  const color = (kind) => (KINDS[kind] == null ? variable("faint") : seriesColor(KINDS[kind]));
  const swatch = (kind) => {
    const made = element("span", { class: "swatch" });
    made.style.background = color(kind);
    return made;
  };
  byId("timing-bar").replaceChildren(...Object.keys(KINDS).map((kind) => {
    const part = element("span", { title: `${text(`time_${kind}`)}: ${percent(times.seconds[kind] / total)}` });
    part.style.cssText = `flex: ${times.seconds[kind] / total}; background: ${color(kind)}`;
    return part;
  }));
  const line = (kind) => element("tr", {},
    element("th", { scope: "row", class: "words" }, swatch(kind), text(`time_${kind}`)), element("td", {}, percent(times.seconds[kind] / total)),
    element("td", {}, duration(times.seconds[kind])), element("td", { class: "words" }, text(`time_${kind}_is`)));
  byId("timing-table").replaceChildren(element("tbody", {}, ...Object.keys(KINDS).map(line)));
  byId("timing-note").textContent = text("timing_note", { wall: duration(times.wall), threads: times.threads, programs: times.programs, cached: times.programs_from_cache });
}

function inWords(value) {
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  if (value && typeof value === "object") {
    const flags = [value.log && text("log_word"), value.int && text("int_word")].filter(Boolean).join(", ");
    return `${short(value.low)} – ${short(value.high)}${flags ? ` (${flags})` : ""}`;
  }
  return value === null ? "none" : short(value);
}

function showRun() {
  const run = facts.run;
  byId("command").textContent = run.command ?? text("no_command");
  byId("copy").hidden = !run.command;
  const names = [...new Set([run.space, run.settings, run.best_parameters].flatMap((part) => Object.keys(part ?? {})))];
  const searched = (name) => (run.space && name in run.space ? inWords(run.space[name]) : text("fixed"));
  const value = (name) => inWords((run.best_parameters ?? {})[name]);
  byId("settings-table").replaceChildren(
    element("thead", {}, element("tr", {}, ...["parameter", "searched", "best_word"].map((key) => element("th", { scope: "col", class: "words" }, text(key))))),
    element("tbody", {}, ...names.map((name) => element("tr", {}, element("th", { scope: "row", class: "words" }, name), element("td", { class: "words" }, searched(name)), element("td", { class: "words" }, value(name))))),
  );
  rows(byId("versions-table"), Object.entries(run.versions ?? {}));
}

function startRun() {
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(facts.run.command);
      byId("copy").textContent = text("copied");
    } catch {
      getSelection().selectAllChildren(byId("command"));
    }
    setTimeout(() => (byId("copy").textContent = text("copy")), 1500);
  });
}
