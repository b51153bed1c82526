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

  let since = []; // [id, what it says, whether it is being typed in], where that is not what was sent
  document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target } }) => {
    since = fieldsOf(target).filter(({ id }) => sent?.has(id))
      .map((field) => [field.id, saidBy(field), field === document.activeElement && !isTicked(field)])
      .filter(([id, said]) => said !== sent.get(id));
  });

  // At once, before the next key; the new fields are listened to when all has settled.
  const again = new Set();
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const [id, said, isTyping] of since) {
      const field = document.getElementById(id);
      if (field?.matches("select") && ![...field.options].some((option) => option.value === said)) continue;
      if (!field || saidBy(field) === said || (!isTyping && saidBy(field) !== sent.get(id))) continue;
      if (isTicked(field)) field.checked = said;
      else field.value = said;
      again.add(id);
    }
    since = [];
  });
  document.addEventListener("htmx:afterSettle", () => {
    const ids = [...again];
    again.clear();
    for (const field of ids.map((id) => document.getElementById(id))) {
      field?.dispatchEvent(new Event(field.matches("select") || isTicked(field) ? "change" : "input", { bubbles: true }));
    }
  });
}
