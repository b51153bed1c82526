// data-inserts="text": puts it where the cursor was last, in one of the fields with data-takes-insert (else the one
// with data-main). A … in it is where the cursor goes, else between the first "", else behind it. What was selected
// goes to the ….
{
  let last = null;
  const shown = (field) => field && !field.closest("[hidden]");

  document.addEventListener("focusin", ({ target }) => {
    if (target.matches?.("[data-takes-insert]")) last = target;
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-inserts]");
    if (!button) return;
    const fields = [...document.querySelectorAll("[data-takes-insert]")].filter(shown);
    const field = shown(last) ? last : fields.find((each) => "main" in each.dataset) ?? fields.at(-1);
    const [before, after] = button.dataset.inserts.split("…");
    const selected = after === undefined ? "" : field.value.slice(field.selectionStart, field.selectionEnd);
    const text = before + selected + (after ?? "");
    const at = field.selectionStart;
    button.closest("details")?.removeAttribute("open");
    field.focus();
    // Unlike setting the value it can be undone by the keyboard.
    if (!document.execCommand("insertText", false, text)) {
      field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const quotes = text.indexOf('""') + 1;
    const to = at + (after !== undefined ? before.length + selected.length : quotes || text.length);
    field.setSelectionRange(to, to);
  });
}
