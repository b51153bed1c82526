// data-dismisses takes away the toast it stands in.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismisses]")) event.target.closest(".toast")?.remove();
});
