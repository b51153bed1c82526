// What a page asks for by itself must not get in anybody's way. A region with an open menu or dialog, or with the
// keyboard on something that would not be found again, is left as it is until the next time; no answer is no news;
// and a refusal is told once: the flow, or the right to see it, is gone.
const inUse = (region) => region.querySelector("details[open], dialog[open]")
  || (region.contains(document.activeElement) && !document.activeElement.id);
const asksByItself = (event) => event.detail.elt.matches?.("[data-polls]");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (asksByItself(event) && inUse(event.detail.elt)) event.preventDefault();
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
