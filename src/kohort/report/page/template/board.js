// The leaderboard: sorted by any column, filtered, a page at a time.

const PAGE = 20;

function columns() {
  const number = (key, heading, shownAs = short) => ({ key, heading, cell: (c) => shownAs(valueNamed(c, key)), value: (c) => valueNamed(c, key) });
  return [
    number("rank", text("rank")),
    number("score", scoreName(), score),
    ...(facts.board.folds.length > 1 ? [{ key: "std", heading: text("folds"), cell: strip, value: (c) => c.std }] : []),
    ...varying.map((parameter) => ({
      key: parameter.name,
      heading: parameter.name,
      words: !parameter.numeric,
      cell: (c) => short(c.parameters[parameter.name]),
      value: (c) => c.parameters[parameter.name],
    })),
    number("epochs", text("epochs"), (value) => short(value, 2)),
    ...(facts.board.findings ? [{ key: "findings", heading: text("findings"), words: true, cell: (c) => c.findings.replaceAll("_", " "), value: (c) => c.findings }] : []),
    { key: "statuses", heading: text("status"), words: true, cell: (c) => statuses(c.statuses), value: (c) => c.statuses },
  ];
}

// Scores of the folds as ticks around their mean, on one scale for all rows; an arrow where the mean lies beyond it.
function strip(candidate) {
  const { low, high } = facts.scale ?? { low: 0, high: 1 };
  const place = (value) => 3 + 84 * Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  const picture = drawn("svg", { class: "strip", width: 90, height: 16, role: "img", "aria-label": `± ${score(candidate.std)}` });
  const title = drawn("title");
  title.textContent = candidate.folds.map(score).join(", ");
  picture.append(title);
  const color = colorOf(candidate.id) ?? variable("gray");
  picture.append(drawn("line", { x1: 3, x2: 87, y1: 8, y2: 8, stroke: variable("grid"), "stroke-width": 2 }));
  for (const value of candidate.folds) {
    if (value != null) picture.append(drawn("line", { x1: place(value), x2: place(value), y1: 3, y2: 13, stroke: color, "stroke-width": 1.5, opacity: 0.7 }));
  }
  if (candidate.mean == null) return picture;
  const beyond = candidate.mean < low ? "0,8 6,4 6,12" : candidate.mean > high ? "90,8 84,4 84,12" : null;
  picture.append(beyond ? drawn("polygon", { points: beyond, fill: color }) : drawn("circle", { cx: place(candidate.mean), cy: 8, r: 3.5, fill: color }));
  return picture;
}

function sorted() {
  const column = columns().find(({ key }) => key === state.sort) ?? columns()[0];
  const kept = candidates.filter((candidate) => shown().has(candidate.id));
  const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
  const sign = state.descending ? -1 : 1;
  return kept.sort((first, second) => {
    const [a, b] = [column.value(first), column.value(second)];
    if (a == null || b == null) return (a == null) - (b == null) || first.row - second.row;
    return sign * order(a, b) || first.row - second.row;
  });
}

function heading(column) {
  const active = state.sort === column.key;
  const direction = state.descending ? "descending" : "ascending";
  const sort = () => change({ sort: column.key, descending: active && !state.descending, page: 0 });
  const button = element("button", { type: "button", "data-focus": `sort ${column.key}`, onclick: sort }, column.heading);
  return element("th", { scope: "col", class: column.words ? "words" : null, "aria-sort": active ? direction : "none" }, button);
}

function line(candidate, all) {
  const color = colorOf(candidate.id);
  const pin = element("button", {
    type: "button", class: "pin", "data-focus": `pin ${candidate.id}`, "aria-pressed": String(color != null), title: text("pin"),
    "aria-label": text("pin_candidate", { n: candidate.rank }),
    onclick: () => toggle(candidate.id),
  });
  if (color) pin.style.setProperty("--pin", color);
  return element("tr", {}, element("td", {}, pin), ...all.map((column) => element("td", { class: column.words ? "words" : null }, column.cell(candidate))));
}

// What is drawn anew keeps the keyboard where it was.
function showBoard() {
  const focused = document.activeElement?.dataset?.focus;
  fillBoard();
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function fillBoard() {
  const all = columns();
  const found = sorted();
  const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
  state.page = Math.min(state.page, last);
  const page = found.slice(state.page * PAGE, (state.page + 1) * PAGE);
  byId("table").replaceChildren(
    element("caption", { class: "unseen" }, text("board")),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, element("span", { class: "unseen" }, text("pin"))), ...all.map(heading))),
    element("tbody", {}, ...page.map((candidate) => line(candidate, all))),
  );
  showMatches(found.length);
  showPager(last, found.length);
}

function showMatches(count) {
  const box = byId("matches");
  box.replaceChildren(text("matches", { n: count, total: candidates.length }));
  if (!state.filter) return;
  const clear = () => {
    byId("filter").value = "";
    change({ filter: "" });
    byId("filter").focus();
  };
  box.append(element("button", { type: "button", id: "clear", onclick: clear }, text("clear")));
}

function showPager(last, count) {
  const button = (id, by, off) => element("button", { type: "button", id, "data-focus": id, disabled: off, onclick: () => change({ page: state.page + by }) }, text(id));
  const from = count ? state.page * PAGE + 1 : 0;
  const range = text("page_rows", { from, to: Math.min(count, (state.page + 1) * PAGE), n: count });
  byId("pager").replaceChildren(...(last ? [button("previous", -1, state.page === 0), element("p", {}, range), button("next", 1, state.page === last)] : []));
}

function startBoard() {
  const input = byId("filter");
  let waiting = null;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ filter: input.value }), 120);
  });
  listeners.push(showBoard);
}

function labelBoard() {
  const parameter = varying.find(({ numeric }) => numeric);
  const example = parameter ? `${parameter.name}<=${short(parameter.values[0])}` : "rank<=10";
  const parts = text("filter_hint").split("{example}");
  byId("filter-hint").replaceChildren(parts[0], element("code", {}, example), parts[1] ?? "");
  byId("filter").placeholder = example;
}
