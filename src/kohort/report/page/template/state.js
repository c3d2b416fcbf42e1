// What the reader has chosen. Every change redraws what shows it.

const state = { filter: "", sort: "rank", descending: false, page: 0, pins: null, shown: null };
const listeners = [];

function change(part) {
  Object.assign(state, part);
  if ("filter" in part) state.page = 0;
  state.shown = null;
  for (const listener of listeners) listener(part);
}

// Candidates with a colour of their own: the best three, until the reader pins others.
function pins() {
  if (state.pins) return state.pins.filter((id) => candidateOf.has(id));
  return candidates.filter((candidate) => candidate.mean != null).slice(0, 3).map((candidate) => candidate.id);
}

function toggle(id) {
  const now = pins();
  change({ pins: now.includes(id) ? now.filter((other) => other !== id) : [...now, id] });
}

function colorOf(id) {
  const place = pins().indexOf(id);
  return place < 0 ? null : seriesColor(place);
}

const COMPARISON = /^([\w.]+)(>=|<=|!=|=|>|<)(.+)$/;

function valueNamed(candidate, name) {
  if (name in candidate.parameters) return candidate.parameters[name];
  const own = { rank: candidate.rank, score: candidate.mean, std: candidate.std, epochs: candidate.epochs, candidate: candidate.id };
  return name in own ? own[name] : undefined;
}

// A value as a term of a filter has it: without spaces, in small letters.
const squeezed = (value) => String(value ?? "none").replace(/\s/g, "").toLowerCase();

function compares(value, operator, wanted) {
  const number = Number(wanted);
  if (typeof value === "number" && !Number.isNaN(number)) {
    return { ">=": value >= number, "<=": value <= number, ">": value > number, "<": value < number, "=": value === number, "!=": value !== number }[operator];
  }
  const same = squeezed(value) === squeezed(wanted);
  return operator === "=" ? same : operator === "!=" ? !same : false;
}

// One term of a filter: `learning_rate<0.01`, or a word that any cell contains.
function satisfies(candidate, term) {
  const [, name, operator, wanted] = COMPARISON.exec(term) ?? [];
  if (name && valueNamed(candidate, name) !== undefined) return compares(valueNamed(candidate, name), operator, wanted);
  const cells = [...Object.values(candidate.parameters), candidate.findings, candidate.statuses, statuses(candidate.statuses)];
  return cells.some((cell) => String(cell ?? "none").toLowerCase().includes(term.toLowerCase()));
}

// Identities of the candidates that pass the filter.
function shown() {
  if (!state.shown) {
    const terms = state.filter.split(/\s+/).filter(Boolean);
    state.shown = new Set(candidates.filter((candidate) => terms.every((term) => satisfies(candidate, term))).map((candidate) => candidate.id));
  }
  return state.shown;
}
