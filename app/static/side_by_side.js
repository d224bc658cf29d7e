// The page works without this. With it, an action changes the columns in place: no reload, scroll
// and focus stay, the outcome is announced, and each figure that changed says what it was.

import { showDocumentCookie } from "./inspector.js";

const bar = document.querySelector(".bar");
const outcome = document.getElementById("outcome");

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  if (bar.ariaBusy === "true") return;
  bar.ariaBusy = "true";
  outcome.textContent = form.dataset.doing ?? "Working …";
  setDisabled(true);
  try {
    await act(form);
  } catch {
    say("The server does not answer. Nothing was changed here.");
  } finally {
    bar.ariaBusy = "false";
    setDisabled(false);
  }
});

// Buttons keep the focus: a disabled one would lose it.
function setDisabled(isDisabled) {
  for (const button of document.querySelectorAll("form button")) button.ariaDisabled = isDisabled;
}

async function act(form) {
  const column = form.closest("[data-column]")?.id;
  const answer = await load(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (isThisPage(answer)) {
    show(answer);
    return;
  }
  // An error has a page of its own, of which we want the one sentence.
  const sentence = answer.querySelector("[data-outcome]")?.textContent.trim();
  show(await load("/"));
  say(sentence ?? "That did not work.", column);
}

async function load(url, options) {
  const response = await fetch(url, options);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function isThisPage(page) {
  return page.querySelector("[data-column]") !== null;
}

function show(page) {
  const focused = placeOf(document.activeElement);
  for (const column of document.querySelectorAll("[data-column]")) {
    const next = page.getElementById(column.id);
    markChanges(column, next);
    keepOpen(column, next);
    column.replaceChildren(...next.childNodes);
  }
  for (const id of ["outcome", "compared"]) {
    document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  }
  showDocumentCookie(document);
  focusAgain(focused);
}

function say(sentence, columnId) {
  const column = columnId && document.getElementById(columnId);
  const title = column ? `${column.querySelector("h2").textContent}: ` : "";
  outcome.textContent = title + sentence;
  if (!column) return;
  const paragraph = document.createElement("p");
  paragraph.className = "outcome outcome-warning";
  paragraph.textContent = sentence;
  column.querySelector(".column-head").after(paragraph);
}

function markChanges(before, after) {
  for (const figure of after.querySelectorAll("[data-figure]")) {
    const old = before.querySelector(`[data-figure="${figure.dataset.figure}"]`);
    if (old && old.dataset.count !== figure.dataset.count) figure.dataset.was = old.dataset.count;
  }
}

function keepOpen(before, after) {
  for (const details of before.querySelectorAll("details[open]")) {
    const same = after.querySelector(`details[data-key="${details.dataset.key}"]`);
    if (same) same.open = true;
  }
}

function placeOf(element) {
  const column = element?.closest("[data-column]");
  return column ? { column: column.id, action: element.form?.action } : null;
}

function focusAgain(place) {
  if (!place) return;
  const column = document.getElementById(place.column);
  const form = [...column.querySelectorAll("form")].find(({ action }) => action === place.action);
  const target = form?.querySelector("button") ?? column.querySelector("h2");
  target.focus({ preventScroll: true });
}

// A reload asks for the page as it is now, not for the outcome of an earlier action.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);
