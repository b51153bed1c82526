// <form data-redrawn>: its own answer draws it anew. What was typed meanwhile, or a button that is just being pressed,
// must not be lost to that: such an answer is not shown, and the next change asks again.
const written = (form) => new URLSearchParams(new FormData(form)).toString();
const asSent = new WeakMap();

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.detail.elt;
  if (form.matches("[data-redrawn]")) asSent.set(event.detail.xhr, written(form));
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig.elt, then = asSent.get(event.detail.xhr);
  if (then === undefined) return;
  if (written(form) !== then || form.querySelector("button:active")) event.detail.shouldSwap = false;
});
