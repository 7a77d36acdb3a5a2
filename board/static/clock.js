// The server's time, carried on by the browser between beats; every elapsed and remaining time on the page.
const body = document.body;
const speed = Number(body.dataset.speed) || 1; // the demo's clock runs faster
const zone = new Intl.DateTimeFormat("en-GB", { timeZone: body.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const words = JSON.parse(body.dataset.words || "{}");
let serverMs = Number(body.dataset.now);
let seenAt = performance.now();

export function correct(nowMs) {
  serverMs = nowMs;
  seenAt = performance.now();
}

export function now() {
  return serverMs + (performance.now() - seenAt) * speed;
}

export function say(key, values = {}) {
  let text = words[key];
  if (typeof text === "object") text = text[new Intl.PluralRules(body.dataset.language).select(values.count)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function clockTime(ms) {
  return zone.format(new Date(ms));
}

const two = (number) => String(number).padStart(2, "0");

export function elapsed(ms, form) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (form === "words") {
    return hours ? say("hours", { h: hours, m: minutes % 60 }) : say("minutes", { count: minutes });
  }
  return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${two(minutes)}:${two(seconds % 60)}`;
}

export function spoken(seconds) {
  return seconds < 60 ? say("seconds", { count: Math.floor(seconds) }) : elapsed(seconds * 1000, "words");
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text; // no change, no repaint, no reading aloud
}

export function tick(isLost) {
  put(document.getElementById("clock"), clockTime(now()));
  for (const node of document.querySelectorAll("[data-since]")) {
    put(node, elapsed(now() - Number(node.dataset.since), node.dataset.form));
  }
  for (const node of document.querySelectorAll("[data-until]")) {
    put(node, isLost ? "--:--" : elapsed(Number(node.dataset.until) - now(), "clock"));
  }
}
