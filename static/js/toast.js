// data-dismisses takes away the toast it stands in; data-passes="12" goes by itself after so many seconds, unless
// somebody is at it with the pointer or the keyboard.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismisses]")) event.target.closest(".toast")?.remove();
});

setInterval(() => {
  for (const toast of document.querySelectorAll(".toast[data-passes]:not(:hover, :focus-within)")) {
    toast.dataset.passes -= 1;
    if (toast.dataset.passes <= 0) toast.remove();
  }
}, 1000);
