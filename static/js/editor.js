// The editor saves as it is edited: here are the words of its state, faults beside their fields, and what keeps typed
// text when an answer does not come (when one does: kept.js).
const editor = document.getElementById("editor");
const saved = () => document.getElementById("saved");
// A form with a draft (the schedule) also asks what it would mean; that saves nothing.
const saves = ({ detail: { elt, pathInfo } }) =>
  elt.matches("[data-saves]") && pathInfo.requestPath !== elt.closest("form")?.dataset.draft;
let unsaved = false;

const say = (words, state) => {
  saved().textContent = words;
  saved().dataset.state = state;
  saved().className = state === "unsaved" ? "small editor-unsaved" : "small faint";
  const here = document.getElementById("saved-here");
  if (here) here.textContent = words;
};

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-saves]");
  if (form) unsaved = true;
  if (form?.dataset.draft) say(editor.dataset.notYet, "changed");
});

// Chosen, and asked for a little later (kept.js).
document.addEventListener("input", ({ target }) => {
  if (target.matches?.("select[data-saves]")) say(editor.dataset.notYet, "changed");
}, true);

document.addEventListener("htmx:beforeRequest", (event) => {
  if (saves(event)) say(editor.dataset.saving, "saving");
});

// What keeps an answer from coming stands above the form, with the way out; what was typed stays.
let again = null;
const keep = (event, id, login) => {
  again = event.detail.elt.closest("form");
  const notice = document.getElementById("notice");
  say(editor.dataset.failed, "unsaved");
  if (!notice.hidden && notice.dataset.says === id) return; // whoever leaves a field to press its button must hit it
  notice.dataset.says = id;
  notice.replaceChildren(document.getElementById(id).content.cloneNode(true));
  notice.querySelector("a")?.setAttribute("href", login);
  notice.hidden = false;
};
document.addEventListener("htmx:sendError", (event) => {
  if (saves(event)) keep(event, "unanswered");
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const address = event.detail.xhr.getResponseHeader("HX-Redirect");
  if (!editor.contains(event.detail.elt) || !address?.startsWith("/login/")) return;
  event.preventDefault();
  keep(event, "logged-out", address);
});

// A new login brings a new token, which the form must carry; the revision stays the one it was made from.
document.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-again]") || !again) return;
  const page = await fetch(location.href).then((answer) => answer.text()).catch(() => "");
  const token = new DOMParser().parseFromString(page, "text/html").querySelector("#editor [name=csrfmiddlewaretoken]");
  for (const field of token ? document.getElementsByName("csrfmiddlewaretoken") : []) field.value = token.value;
  again.requestSubmit();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!saves(event) || !event.detail.xhr.status) return;
  const status = event.detail.xhr.status;
  if (status < 300 && saved().dataset.state === "saved") unsaved = false;
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

// Leaving a field saves it, also on the way to a button of the notice: a notice that says the same stays as it is, else
// it is gone between the press and the release.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (target.id === "notice" && target.textContent === fragment.textContent) event.preventDefault();
});

// The card of the step whose settings are open.
document.addEventListener("htmx:afterSettle", () => {
  const open = document.querySelector("#panel [data-step]")?.dataset.step;
  for (const link of document.querySelectorAll("#chart .step-main")) {
    if (open && link.closest(".step").id === `card-${open}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
});

// What had the focus may be gone with the old panel: go on from the new one's top.
let wasInside = false;
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  wasInside ||= event.detail.target.id === "panel" && event.detail.target.contains(document.activeElement);
});
document.addEventListener("htmx:afterSettle", () => {
  if (wasInside && document.activeElement === document.body) document.getElementById("panel-title")?.focus();
  wasInside = false;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-new-version]")) unsaved = false;
});
addEventListener("beforeunload", (event) => {
  if (unsaved && saved()?.dataset.state !== "saved") event.preventDefault();
});

// The + of a place opens with the page's one palette, whose buttons then say where the step goes.
document.addEventListener("toggle", ({ target: menu }) => {
  const panel = menu.matches?.("[data-adds][open]") && menu.querySelector(".menu-panel");
  if (!panel || panel.hasChildNodes()) return;
  panel.append(document.getElementById("palette").content.cloneNode(true));
  for (const button of panel.querySelectorAll("[name=insert]")) button.value += ` ${menu.dataset.adds}`;
}, true);
