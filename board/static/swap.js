// Put in what changed and leave the rest: focus, scroll, selection and half-written forms survive.
// [data-list] holds children with id and data-hash; [data-piece] is replaced when its value differs.

function isBusy(node) {
  const focused = document.activeElement;
  const isWriting = node.contains(focused) && focused.matches("input, textarea") && focused.type !== "hidden";
  const isFilled = [...node.querySelectorAll("input:not([type=hidden])")].some((i) => (i.type === "radio" ? i.checked : i.value));
  return isWriting || isFilled;
}

function replace(old, fresh, key) {
  if (old.dataset[key] === fresh.dataset[key]) return old;
  const hadFocus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") ?? document.activeElement.getAttribute("formaction") : null;
  const isSelected = old.classList.contains("selected");
  old.replaceWith(fresh);
  fresh.classList.toggle("selected", isSelected);
  if (hadFocus) (fresh.querySelector(`[href="${hadFocus}"], [formaction="${hadFocus}"]`) ?? fresh.querySelector("a, button"))?.focus({ preventScroll: true });
  return fresh;
}

function swapList(list, fresh) {
  const known = new Map([...list.children].map((child) => [child.id, child]));
  const wanted = [...fresh.children];
  const kept = wanted.map((child) => {
    const old = known.get(child.id);
    known.delete(child.id);
    return old ? replace(old, child, "hash") : child;
  });
  for (const gone of known.values()) gone.remove();
  kept.forEach((child, place) => {
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
  });
}

export function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body; // runs no script, loads nothing
}

// `root`: the element whose content `fresh` is. Sections that came or went are put where they belong.
export function swap(root, fresh) {
  for (const part of fresh.querySelectorAll("[data-list]")) {
    const old = document.getElementById(part.id);
    if (old) swapList(old, part);
  }
  for (const part of fresh.querySelectorAll("[data-piece]")) {
    const old = document.getElementById(part.id);
    if (old && !isBusy(old)) replace(old, part, "piece");
  }
  for (const section of fresh.querySelectorAll("section.list")) {
    if (!document.getElementById(section.id)) placeSection(root, fresh, section);
  }
  for (const section of root.querySelectorAll("section.list")) {
    if (!fresh.querySelector(`#${section.id}`)) section.remove();
  }
}

function placeSection(root, fresh, section) {
  const order = [...fresh.querySelectorAll("section.list")].map((s) => s.id);
  const after = order.slice(0, order.indexOf(section.id)).reverse().map((id) => document.getElementById(id)).find(Boolean);
  if (after) after.after(section);
  else root.querySelector("#scroll").prepend(section);
}
