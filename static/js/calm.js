// What a page asks for by itself must not get in anybody's way. A region with an open menu or dialog, with chosen rows,
// or with the keyboard on something that would not be found again, is left as it is until the next time; no answer is
// no news; and a refusal is told once: the flow, or the right to see it, is gone. What was asked before somebody
// pressed something may be older than what the press did, and is not shown.
const inUse = (region) => region.querySelector("details[open], dialog[open], tr[aria-selected=true]")
  || (region.contains(document.activeElement) && !document.activeElement.id);
const asksByItself = (event) => event.detail.elt.matches?.("[data-polls]");

const pressesBefore = new WeakMap();
let presses = 0;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!asksByItself(event)) presses += 1;
  else if (inUse(event.detail.elt)) event.preventDefault();
  else pressesBefore.set(event.detail.xhr, presses);
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const then = pressesBefore.get(event.detail.xhr);
  if (then !== undefined && (then !== presses || inUse(event.detail.requestConfig.elt))) event.detail.shouldSwap = false;
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (inUse(event.detail.target)) event.preventDefault();
});

document.addEventListener("htmx:sendError", (event) => {
  if (asksByItself(event)) event.stopPropagation();
}, true);

document.addEventListener("htmx:afterRequest", (event) => {
  if (asksByItself(event) && event.detail.xhr.status >= 400) delete event.detail.elt.dataset.polls;
});
