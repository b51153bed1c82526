// While htmx waits for the server, the button that asked says so and takes no second click.
const button = (event) => event.detail.elt.matches("form") ? event.detail.elt.querySelector("button") : event.detail.elt;

document.addEventListener("htmx:beforeRequest", (event) => {
  const asked = button(event);
  if (asked?.getAttribute("aria-busy") === "true") event.preventDefault();
  asked?.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:afterRequest", (event) => button(event)?.removeAttribute("aria-busy"));

// No answer at all: say so in the words that the page brought along.
document.addEventListener("htmx:sendError", () => {
  const words = document.getElementById("no-answer");
  if (words) document.getElementById("toasts").append(words.content.cloneNode(true));
});
