// The page works without this. With it, a run fills the matrix cell by cell, without a reload.

const matrix = document.getElementById("matrix");

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-run]")) return;
  event.preventDefault();
  event.target.querySelector("button").disabled = true;
  try {
    await fetch(event.target.action, { method: "POST" });
    await renew("run", "matrix");
    document.getElementById("run-title").focus();
    if (isRunning()) follow();
  } catch {
    say("The server does not answer. Load this page again.");
  }
});

function isRunning() {
  return document.getElementById("run").hasAttribute("data-running");
}

function follow() {
  const source = new EventSource("/lab/events");
  let done = 0;
  source.addEventListener("begun", () => {
    done = 0;
    say("The run has begun.");
  });
  source.addEventListener("result", ({ data }) => {
    const { cell, html } = JSON.parse(data);
    show(matrix.querySelector(`[data-cell="${cell}"]`), html);
    done += 1;
    count(done);
  });
  for (const end of ["ended", "failed"]) {
    source.addEventListener(end, async () => {
      source.close();
      await renew("run", "answers", "circumstances", ...(end === "failed" ? ["matrix"] : []));
      say(end === "ended" ? "The run has ended." : "The run has failed.");
    });
  }
  // Not asked again by itself after an answer that is no stream, as of a proxy.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
}

function show(cell, html) {
  if (!cell) return; // not among those that are shown
  cell.innerHTML = html; // made by the template of the page itself
  cell.removeAttribute("data-waits");
  cell.dataset.new = "";
}

function count(done) {
  const bar = document.querySelector(".run-progress");
  if (!bar) return;
  bar.value = done;
  document.querySelector("[data-done]").textContent = done;
  if (done % Math.ceil(bar.max / 4) === 0) say(`${done} of ${bar.max} done.`);
}

/** Take these parts of the page as the server shows them now. */
async function renew(...ids) {
  const response = await fetch(location.pathname + location.search);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ids) {
    const [old, next] = [document.getElementById(id), page.getElementById(id)];
    old.replaceChildren(...next.childNodes);
    old.toggleAttribute("data-running", next.hasAttribute("data-running"));
  }
}

function say(sentence) {
  const status = document.querySelector("[data-status]");
  if (status) status.textContent = sentence;
}

if (isRunning()) follow();
