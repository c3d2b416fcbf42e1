// What the parts of an ensemble are, and what each gives.

function labelEnsemble() {
  const found = facts.run.ensemble;
  byId("ensemble").hidden = !found;
  if (!found) return;
  const largest = Math.max(...found.parts.map(({ weight }) => weight));
  const share = (weight) => {
    const bar = element("span", { class: "share" });
    bar.style.background = seriesColor(1);
    bar.style.width = `${(100 * weight) / largest}%`;
    return element("td", { class: "words" }, element("span", { class: "shares" }, bar), percent(weight));
  };
  const line = (part) => {
    const candidate = candidateOf.get(part.candidate);
    const cells = varying.map(({ name }) => element("td", {}, short(candidate?.parameters[name])));
    const given = part.without == null ? null : part.without - found.loss;
    return element("tr", {}, element("td", {}, short(candidate?.rank)), share(part.weight), element("td", {}, short(part.loss, 4)), element("td", {}, short(given, 2)), ...cells);
  };
  const headings = [text("rank"), text("ensemble_weight"), text("ensemble_alone"), text("ensemble_gives"), ...varying.map(({ name }) => name)];
  byId("ensemble-table").replaceChildren(
    element("thead", {}, element("tr", {}, ...headings.map((words, place) => element("th", { scope: "col", class: place === 1 ? "words" : null }, words)))),
    element("tbody", {}, ...found.parts.map(line)),
  );
  const figures = { loss: short(found.loss, 4), best: short(found.best_single_loss, 4), name: found.loss_name, n: found.parts.length };
  byId("ensemble-note").textContent = text("ensemble_note", figures);
}
