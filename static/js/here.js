// A row of tabs that is wider than the screen begins with the tab of this page in sight.
for (const tab of document.querySelectorAll(".tabs [aria-current=page]")) {
  const row = tab.closest(".tabs");
  row.scrollLeft = Math.max(0, tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2);
}
