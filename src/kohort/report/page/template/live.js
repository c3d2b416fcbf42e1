// While a search runs: ask for news, and show them without a reload.

let version = null;

function showLive() {
  const live = facts.live;
  const box = byId("live");
  box.hidden = !live;
  if (!live) return;
  box.classList.toggle("silent", live.state !== "running");
  const census = live.census ?? {};
  const words = text(`live_${live.state}`, { ended: census.ended ?? 0, submitted: census.submitted ?? 0, training: census.training ?? 0, reason: live.reason ?? "" });
  const bar = element("progress", { max: live.fits || 1, value: census.progress ?? 0, "aria-label": text("progress") });
  box.replaceChildren(words, bar);
}

async function ask() {
  let pause = 1000;
  try {
    const answer = await fetch("facts.json", { headers: version ? { "If-None-Match": version } : {}, cache: "no-store" });
    if (answer.status === 200) {
      version = answer.headers.get("ETag");
      const started = performance.now();
      take(await answer.json());
      showAll();
      // Drawing may not take more than a fifth of the reader's computer.
      pause = Math.max(pause, 4 * (performance.now() - started));
    }
  } catch {
    byId("live").hidden = false;
    byId("live").classList.add("silent");
    byId("live").replaceChildren(text("live_gone"));
  }
  if (facts.live || byId("live").classList.contains("silent")) setTimeout(ask, pause);
}

function startLive() {
  if (facts.live) setTimeout(ask, 1000);
}
