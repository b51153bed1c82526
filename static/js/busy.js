// While htmx waits for the server, the button that asked says so and takes no second click. What asks again and again
// (a form with hx-sync, a search) is left to htmx.
const button = ({ detail: { elt } }) =>
  elt.matches("form:not([hx-sync])") ? elt.querySelector("button") : elt.matches("button:not([hx-sync])") ? elt : null;

document.addEventListener("htmx:beforeRequest", (event) => {
  const asked = button(event);
  if (asked?.getAttribute("aria-busy") === "true") event.preventDefault();
  asked?.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:afterRequest", (event) => button(event)?.removeAttribute("aria-busy"));

// No answer at all: say so in the words that the page brought along, unless a form that saves by itself says it.
document.addEventListener("htmx:sendError", ({ detail: { elt } }) => {
  if (elt.closest("#editor [data-saves]")) return;
  const words = document.getElementById("no-answer");
  if (words) document.getElementById("toasts").append(words.content.cloneNode(true));
});
