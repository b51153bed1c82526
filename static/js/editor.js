// The editor saves as it is edited: here are the words of its state, faults beside their fields, and what keeps typed
// text when an answer does not come.
const editor = document.getElementById("editor");
const saved = () => document.getElementById("saved");
const saves = (event) => event.detail.elt.matches("[data-saves]");
let unsaved = false;

const say = (words, state) => {
  saved().textContent = words;
  saved().dataset.state = state;
  saved().className = state === "unsaved" ? "small editor-unsaved" : "small faint";
  const here = document.getElementById("saved-here");
  if (here) here.textContent = words;
};

document.addEventListener("input", (event) => {
  if (event.target.closest("[data-saves]:not([data-asks])")) unsaved = true;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (saves(event)) say(editor.dataset.saving, "saving");
});

document.addEventListener("htmx:sendError", (event) => {
  if (saves(event)) say(editor.dataset.noAnswer, "unsaved");
});

// Logged out in mid-edit: stay, and open the login beside what was typed.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const login = event.detail.xhr.getResponseHeader("HX-Redirect");
  if (!login?.startsWith("/login") && !login?.includes("?next=")) return;
  event.preventDefault();
  say(editor.dataset.loggedOut, "unsaved");
  open(login, "_blank", "noopener");
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!saves(event) || !event.detail.xhr.status) return;
  const status = event.detail.xhr.status;
  if (status < 300) unsaved = false;
  else if (saved().dataset.state === "saving") say(editor.dataset.failed, "unsaved");
  const here = document.getElementById("saved-here");
  if (here) here.textContent = saved().textContent;
});

// Faults come as a list; each goes to the place beside its field.
const place = () => {
  const faults = new Map([...document.querySelectorAll("#faults [data-for]")].map((each) => [each.dataset.for, each.textContent]));
  for (const slot of document.querySelectorAll("[data-fault]")) {
    const message = faults.get(slot.dataset.fault) ?? "";
    slot.textContent = message;
    slot.hidden = !message;
    for (const field of document.getElementsByName(slot.dataset.fault)) {
      if (message) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }
};
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target?.id === "faults" || document.getElementById("faults")?.hasChildNodes()) place();
});

// What was typed while an answer came stays typed.
let typing = null;
document.addEventListener("htmx:oobBeforeSwap", () => {
  const at = document.activeElement;
  if (at?.id && at.matches("input:not([type=checkbox], [type=radio]), textarea")) typing = { id: at.id, value: at.value };
});
document.addEventListener("htmx:oobAfterSwap", () => {
  const field = typing && document.getElementById(typing.id);
  if (field && field.value !== typing.value) field.value = typing.value;
  typing = null;
});

// The card of the step whose settings are open.
document.addEventListener("htmx:afterSettle", () => {
  const open = document.querySelector("#panel [data-step]")?.dataset.step;
  for (const link of document.querySelectorAll("#chart .step-main")) {
    if (open && link.closest(".step").id === `card-${open}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
});

// What had the focus may be gone with the old panel: go on from its top.
document.addEventListener("htmx:afterSettle", () => {
  if (document.activeElement === document.body) document.getElementById("panel-title")?.focus();
});

addEventListener("beforeunload", (event) => {
  if (unsaved && saved()?.dataset.state !== "saved") event.preventDefault();
});
