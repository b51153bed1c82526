// <form data-changes>: its button shows once something in it differs from what the page came with.
for (const form of document.querySelectorAll("form[data-changes]")) {
  const button = form.querySelector("[type=submit]");
  const differs = () => [...form.elements].some((each) =>
    each.matches("select") && [...each.options].some((option) => option.selected !== option.defaultSelected));
  const show = () => { button.hidden = !differs(); };
  form.addEventListener("change", show);
  show();
}
