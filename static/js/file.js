// data-file-drop: a file dropped anywhere on it becomes the file of the input inside.
for (const place of document.querySelectorAll("[data-file-drop]")) {
  const input = place.querySelector("input[type=file]");
  const mark = (on) => place.toggleAttribute("data-over", on);
  place.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
  place.addEventListener("dragleave", () => mark(false));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
