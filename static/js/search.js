// Search from any page: "/" and Ctrl+K (or ⌘K) open it, arrows walk what is found, Enter without a choice shows the page.
const search = document.getElementById("search");
const words = document.getElementById("search-words");

const open = () => {
  if (!search || search.open || document.querySelector("dialog[open]")) return false;
  search.showModal();
  words.select();
  return true;
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  const isAsked = (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey)
    || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey);
  if (isAsked && open()) event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-search]") && open()) event.preventDefault();
  if (event.target === search) search.close();
});

search?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const stops = [words, ...search.querySelectorAll("#found a")];
  stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length].focus();
});

// Enter in a field presses the form's first button, which here would only close.
words?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  words.form.submit();
});
