// What htmx puts into #asks is a dialog or a drawer: it opens at once, and is taken away when it closes; data-leaves
// is the address that is right again then.
let asker = null; // what asked; of a menu its button, for the menu is closed by then
document.addEventListener("htmx:afterSettle", () => {
  for (const dialog of document.querySelectorAll("#asks dialog[data-show]:not([open])")) {
    dialog.addEventListener("close", () => {
      if (dialog.dataset.leaves) history.replaceState(null, "", dialog.dataset.leaves);
      dialog.remove();
      if (document.activeElement === document.body) (asker?.isConnected ? asker : document.getElementById(asker?.id))?.focus();
    });
    dialog.showModal();
  }
});

// The menu that asked for it has done its part.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail, menu = elt.closest("details.menu");
  if (target?.id === "asks") asker = menu?.querySelector("summary") ?? elt;
  if (menu && !target?.matches(".menu-panel")) menu.open = false;
});
