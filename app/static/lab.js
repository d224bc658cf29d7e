// The page works without this. With it, a run fills the matrix cell by cell, without a reload.

const PAUSE_MS = 1000;
const ENDS = {
  ended: "The run has ended.",
  failed: "The run has failed.",
  stopped: "The run was stopped.",
};

const matrix = document.getElementById("matrix");

document.addEventListener("submit", async (event) => {
  const starts = event.target.matches("[data-start]");
  if (!starts && !event.target.matches("[data-stop]")) return;
  event.preventDefault();
  event.target.querySelector("button").disabled = true;
  try {
    await fetch(event.target.action, { method: "POST" });
    await renew("run", "matrix");
    document.getElementById("run-title").focus();
    if (starts && shownRun()) watch();
    if (!starts && !shownRun()) say(ENDS.stopped); // sooner than the next question
  } catch {
    say("The server does not answer. Load this page again.");
  }
});

/** The id of the run that this page shows; undefined while none is under way. */
function shownRun() {
  return document.getElementById("run").dataset.run;
}

/** Ask for the progress once a second until the run is over; a failed request is repeated. */
async function watch() {
  say("The run has begun.");
  while (shownRun()) {
    try {
      await update(await fetchJson("/lab/progress"));
    } catch {
      // The server may be restarting: the next request asks again.
    }
    if (shownRun()) await new Promise((resume) => setTimeout(resume, PAUSE_MS));
  }
}

async function fetchJson(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function update({ run, stage, cells }) {
  if (run !== shownRun()) await renew("run", "matrix"); // another run has started
  for (const cell of matrix.querySelectorAll("[data-waits]")) {
    if (cell.dataset.cell in cells) fill(cell, cells[cell.dataset.cell]);
  }
  count(Object.keys(cells).length);
  if (stage === "running") return;
  await renew("run", "answers", "circumstances", ...(stage === "ended" ? [] : ["matrix"]));
  say(ENDS[stage]);
}

function fill(cell, html) {
  cell.innerHTML = html; // rendered by the same template as the page
  cell.removeAttribute("data-waits");
  cell.dataset.new = "";
}

/** Show how many results there are, and say so at each quarter. */
function count(done) {
  const bar = document.querySelector(".run-progress");
  if (!bar) return;
  const quarter = (results) => Math.floor((4 * results) / bar.max);
  if (quarter(done) > quarter(bar.value)) say(`${done} of ${bar.max} done.`);
  bar.value = done;
  document.querySelector("[data-done]").textContent = done;
}

/** Replace these parts of the page by what the server sends now. */
async function renew(...ids) {
  const response = await fetch(location.pathname + location.search);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ids) {
    const [old, next] = [document.getElementById(id), page.getElementById(id)];
    old.replaceChildren(...next.childNodes);
    if (next.dataset.run) old.dataset.run = next.dataset.run;
    else delete old.dataset.run;
  }
}

function say(sentence) {
  const status = document.querySelector("[data-status]");
  if (status) status.textContent = sentence;
}

if (shownRun()) watch();
