// What every part of the page uses: elements, texts, numbers, unpacked arrays.

const byId = (id) => document.getElementById(id);
const embedded = (id) => JSON.parse(byId(id).textContent);
const MESSAGES = embedded("messages");
const PALETTE = embedded("palette");

let language = document.documentElement.lang;

function text(key, values = {}) {
  const found = MESSAGES[language][key] ?? MESSAGES.en[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A number in few letters, as `kohort.style.short` writes it.
function short(value, digits = 3) {
  if (value == null || value === "") return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) {
    return value.toExponential(digits - 1).replace(/\.?0*e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(Math.max(digits, 2))));
}

function score(value) {
  if (value == null) return "–";
  return Math.abs(value) >= 1000 ? short(value) : value.toFixed(4);
}

function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 90) return text("seconds", { n: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
  if (seconds < 5400) return text("minutes", { n: (seconds / 60).toFixed(1) });
  return text("hours", { n: (seconds / 3600).toFixed(1) });
}

function percent(share) {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function unpacked(packed) {
  const letters = atob(packed);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))];
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, label]) => element("option", { value, selected: value === chosen }, label)));
}

function rows(table, entries) {
  table.replaceChildren(
    element("tbody", {}, ...entries.map(([name, value]) => element("tr", {}, element("th", { scope: "row", class: "words" }, name), element("td", { class: "words" }, value)))),
  );
}

// `3 finished, 1 stopped_early` in the reader's language.
function statuses(words) {
  return words.replace(/(\d+) (\w+)/g, (whole, n, name) => `${n} ${text(`status_${name}`)}`);
}
