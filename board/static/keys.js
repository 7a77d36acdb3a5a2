// Work by keyboard; no key fires while one is writing.
export function onKeys({ select, pane }) {
  const click = (name) => pane().querySelector(`[data-key="${name}"]`)?.click();
  const focus = (selector) => pane().querySelector(selector)?.focus();
  const actions = {
    j: () => select(1),
    k: () => select(-1),
    a: () => click("take"),
    c: () => focus('[data-key="call"]'),
    n: () => focus('[data-key="comment"]'),
    r: () => focus('[name="outcome"]'),
  };
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (at.matches('[name="outcome"]')) return outcomeKey(event, pane());
    if (at.matches("input, textarea, select")) return event.key === "Escape" ? at.blur() : undefined;
    const action = actions[event.key.toLowerCase()];
    if (action) {
      event.preventDefault();
      action();
    }
  });
}

// After R: 1 to 5 choose an outcome, Enter confirms.
function outcomeKey(event, pane) {
  const choice = pane.querySelectorAll('[name="outcome"]')[Number(event.key) - 1];
  if (choice) {
    event.preventDefault();
    choice.checked = true;
    choice.focus();
  } else if (event.key === "Escape") event.target.blur();
}
