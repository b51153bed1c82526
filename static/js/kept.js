// What is changed in a form while an answer is under way stays changed when that answer draws the fields anew, and is
// sent once more. Only where the server says something else than it was sent, the server's word stands. And a button
// that is pressed meanwhile counts.
{
  const fieldsOf = (part) => [...part.querySelectorAll("select, textarea, input")].filter((each) =>
    each.id && !each.matches("[type=hidden], [type=file], [type=submit]"));
  const isTicked = (field) => field.matches("[type=checkbox], [type=radio]");
  const saidBy = (field) => (isTicked(field) ? field.checked : field.value);
  const allSaidIn = (part) => new Map(fieldsOf(part).map((field) => [field.id, saidBy(field)]));

  const asSent = new WeakMap(); // by request: what its form said then
  document.addEventListener("htmx:beforeRequest", ({ detail: { elt, xhr, requestConfig } }) => {
    const form = elt.closest("form");
    // Fields go by their place: where rows move, the same place is another row's.
    if (form && !/^(re)?move/.test(requestConfig.parameters.do ?? "")) asSent.set(xhr, allSaidIn(form));
  });

  // A request that had to wait for another does not know its button any more once the focus is elsewhere.
  document.addEventListener("htmx:configRequest", ({ detail: { parameters, triggeringEvent } }) => {
    const button = triggeringEvent?.submitter;
    if (button?.name && parameters[button.name] === undefined) parameters[button.name] = button.value;
  });

  let sent = null; // with the request whose answer is being shown
  document.addEventListener("htmx:beforeSwap", ({ detail: { xhr } }) => { sent = asSent.get(xhr); });

  // A field that goes while somebody types in it says as its last word that it has changed. What would be asked then, in
  // the middle of the drawing, is of a form that is no more.
  let isDrawing = false;
  for (const type of ["input", "change"]) {
    document.addEventListener(type, (event) => { if (isDrawing) event.stopImmediatePropagation(); }, true);
  }

  const since = new Map(); // the fields that are drawn anew and do not say what was sent, by id
  document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target } }) => {
    if (!isDrawing) queueMicrotask(putBack); // when all is drawn, and before the next key
    isDrawing = true;
    for (const field of fieldsOf(target)) {
      const said = saidBy(field), isTyping = field === document.activeElement && !isTicked(field);
      if (sent?.has(field.id) && said !== sent.get(field.id)) since.set(field.id, { was: sent.get(field.id), said, isTyping });
    }
  });

  const putBack = () => {
    isDrawing = false;
    const changed = [];
    for (const [id, { was, said, isTyping }] of since) {
      const field = document.getElementById(id);
      if (!field || saidBy(field) === said || (!isTyping && saidBy(field) !== was)) continue;
      if (field.matches("select") && ![...field.options].some((option) => option.value === said)) continue;
      if (isTicked(field)) field.checked = said;
      else field.value = said;
      changed.push(field);
    }
    since.clear();
    for (const field of changed) {
      const type = field.matches("select") || isTicked(field) ? "change" : "input";
      field.dispatchEvent(new Event(type, { bubbles: true }));
    }
  };
}

// Whoever chooses by letters in a select that draws the fields anew would lose it with the first of them: it is one
// choice, once the keys are quiet.
{
  const QUIET = 700;
  let letterAt = -QUIET, field = null, timer = 0;

  const tell = () => {
    clearTimeout(timer);
    const chosen = field;
    field = null;
    chosen?.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("keydown", ({ key, target }) => {
    if (target.matches?.("select") && key.length === 1) letterAt = performance.now();
  }, true);
  for (const type of ["input", "change"]) {
    document.addEventListener(type, (event) => {
      if (!event.isTrusted || !event.target.matches?.("select[hx-post]") || performance.now() - letterAt > 100) return;
      event.stopImmediatePropagation();
      clearTimeout(timer);
      field = event.target;
      timer = setTimeout(tell, QUIET);
    }, true);
  }
  document.addEventListener("focusout", tell, true);
}
