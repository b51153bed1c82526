// What htmx puts into #asks is a dialog or a drawer: it opens at once, and is taken away when it closes; data-leaves
// is the address that is right again then.
document.addEventListener("htmx:afterSettle", () => {
  for (const dialog of document.querySelectorAll("#asks dialog[data-show]:not([open])")) {
    dialog.addEventListener("close", () => {
      if (dialog.dataset.leaves) history.replaceState(null, "", dialog.dataset.leaves);
      dialog.remove();
    });
    dialog.showModal();
  }
});

// The menu that asked for it has done its part.
document.addEventListener("htmx:beforeRequest", (event) => {
  const menu = event.detail.elt.closest("details.menu");
  if (menu) menu.open = false;
});
