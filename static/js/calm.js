// What a page asks for by itself must not take away what somebody is using: a region with an open menu or dialog, or
// with the keyboard on something that would not be found again, is left as it is until the next time.
const inUse = (region) => region.querySelector("details[open], dialog[open]")
  || (region.contains(document.activeElement) && !document.activeElement.id);

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches("[data-polls]") && inUse(event.detail.elt)) event.preventDefault();
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (inUse(event.detail.target)) event.preventDefault();
});
