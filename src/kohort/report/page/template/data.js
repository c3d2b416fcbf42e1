// The facts of the search, in the form that charts and tables ask for.

let facts, candidates, candidateOf, members, epochs, logs, varying;

function take(given) {
  facts = given;
  const board = facts.board;
  candidates = board.candidate.map((id, row) => ({
    id,
    row,
    rank: board.rank[row],
    mean: board.mean_score[row],
    std: board.std_score[row],
    folds: board.folds.map((fold) => fold[row]),
    epochs: board.epochs[row],
    statuses: board.statuses[row],
    findings: board.findings?.[row] ?? "",
    parameters: Object.fromEntries(facts.parameters.map((parameter) => [parameter.name, parameter.values[row]])),
  }));
  candidateOf = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  varying = facts.parameters.filter((parameter) => parameter.varies);
  const curves = facts.curves;
  let offset = 0;
  members = curves.counts.map((count, number) => {
    const member = {
      number,
      candidate: curves.candidate[number],
      fold: curves.fold[number],
      status: curves.status[number],
      best: curves.best_epoch[number],
      trained: curves.epochs[number],
      offset,
      count,
    };
    offset += count;
    return member;
  });
  epochs = unpacked(curves.epoch);
  logs = Object.fromEntries(Object.entries(curves.logs).map(([name, packed]) => [name, unpacked(packed)]));
}

// What a score is called; while a search runs it is the validation loss.
const scoreName = () => facts.run.score ?? text("score");

// Whether a candidate's score lies on the scale on which scores are drawn.
const onScale = ({ mean }) => mean != null && facts.scale.low <= mean && mean <= facts.scale.high;

// The finite scores, from worst to best.
function orderedScores() {
  const sign = facts.smaller_is_better ? -1 : 1;
  return candidates.filter((candidate) => candidate.mean != null).sort((a, b) => sign * (a.mean - b.mean));
}
