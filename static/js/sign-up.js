// data-slug-of="id": shows the address that a name in that field will get, as web/opening.py makes it.
const spelt = { æ: "ae", ø: "o", ß: "ss", ð: "d", þ: "th", đ: "d", ł: "l", œ: "oe" };
const slugOf = (name) => name.toLowerCase().replace(/[æøßðþđłœ]/g, (letter) => spelt[letter])
  .normalize("NFKD").replace(/[^\x00-\x7f]/g, "").replace(/[^\w\s-]/g, "")
  .replace(/[-\s]+/g, "-").replace(/^[-_]+|[-_]+$/g, "").slice(0, 50);

for (const hint of document.querySelectorAll("[data-slug-of]")) {
  const field = document.getElementById(hint.dataset.slugOf);
  const show = () => {
    hint.querySelector("b").textContent = slugOf(field.value);
    hint.hidden = !slugOf(field.value);
  };
  field.addEventListener("input", show);
  show();
}

// select[data-time-zone]: begins with the zone of this machine, if nobody has chosen.
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const select of document.querySelectorAll("select[data-time-zone]")) {
  if (!select.closest("form").querySelector("[aria-invalid]") && [...select.options].some((each) => each.value === here)) {
    select.value = here;
  }
}
