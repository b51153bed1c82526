// data-polls="2": every two seconds the event "poll" for hx-trigger, while the tab is seen; at once when it comes back.
{
  const asked = new WeakMap();

  const poll = () => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("[data-polls]")) {
      const last = asked.get(element);
      if (last === undefined) asked.set(element, performance.now());
      else if (performance.now() - last >= element.dataset.polls * 1000) {
        asked.set(element, performance.now());
        htmx.trigger(element, "poll");
      }
    }
  };

  setInterval(poll, 250);
  document.addEventListener("visibilitychange", poll);
}
