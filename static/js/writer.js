// data-writer on a form that htmx saves as one types: shows how that stands in #save-state, keeps what is not saved on
// this device (the connection or the session may be lost) and puts it back, tries again, and takes Ctrl+S.
{
  const form = document.querySelector("[data-writer]");
  const state = () => document.getElementById("save-state");
  const key = form && `writer:${form.getAttribute("action")}`;
  const kept = ["name", "subject", "preheader", "html", "text", "read_at"];
  const say = (word) => {
    state().dataset.state = "unsaved";
    state().textContent = state().dataset[word];
  };
  const keep = () => sessionStorage.setItem(key, JSON.stringify(kept.map((name) => form.elements[name].value)));
  const mark = () => {
    for (const error of document.querySelectorAll("[id^=error-]")) {
      const name = error.id.slice(6);
      document.getElementById(name)?.setAttribute("aria-invalid", !error.hidden);
      document.getElementById(`tab-${name}`)?.toggleAttribute("data-faulty", !error.hidden);
    }
  };
  let changed = false; // since the last request

  if (form) {
    const before = JSON.parse(sessionStorage.getItem(key) ?? "null");
    if (before) {
      kept.forEach((name, number) => { form.elements[name].value = before[number]; });
      say("kept");
      addEventListener("load", () => htmx.trigger(form, "retry"));
    }

    form.addEventListener("input", () => { changed = true; keep(); say("typing"); });
    form.addEventListener("htmx:beforeRequest", () => { changed = false; });
    form.addEventListener("htmx:afterRequest", () => {
      if (changed) say("typing");
      else if (state().dataset.state === "saved") sessionStorage.removeItem(key);
      mark();
    });
    // 412 and 422 bring their own words along.
    form.addEventListener("htmx:responseError", ({ detail }) => [412, 422].includes(detail.xhr.status) || say("refused"));
    for (const lost of ["htmx:sendError", "htmx:timeout"]) {
      form.addEventListener(lost, () => { keep(); say("failed"); setTimeout(() => htmx.trigger(form, "retry"), 5000); });
    }

    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "s") {
        event.preventDefault();
        form.requestSubmit(document.querySelector("[form=writer][name=save]"));
      }
    });
    mark();
  }

  // What goes into HTML only is offered while the HTML is shown.
  const offer = () => {
    const html = document.getElementById("part-html");
    for (const tool of document.querySelectorAll("[data-only-in=html]")) tool.hidden = html?.hidden ?? false;
  };
  document.addEventListener("click", (event) => event.target.closest("[role=tab]") && offer());
  document.addEventListener("keydown", (event) => event.target.closest?.("[role=tab]") && offer());
}
