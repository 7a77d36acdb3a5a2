// What does not work is said across the page: the link to the server first, then the part that is late.
import { clockTime, correct, elapsed, now, say, spoken } from "./clock.js";

const { beatLimitS, dataLimitS, partLimitS } = document.body.dataset;
const banner = document.getElementById("banner");
const dataAge = document.getElementById("data-age");
const title = document.title;
let beat = null;
let beatAt = performance.now(); // the page itself came from the server
let beatServerMs = Number(document.body.dataset.now);
let isSignedOut = false;

export function heard(fresh) {
  beat = fresh;
  beatAt = performance.now();
  beatServerMs = fresh.now_ms;
  isSignedOut = false;
  correct(fresh.now_ms);
}

export function signedOut() {
  isSignedOut = true;
}

function sinceBeat() {
  return (performance.now() - beatAt) / 1000;
}

export function isLost() {
  return sinceBeat() > Number(beatLimitS);
}

function latePart() {
  if (!beat) return null;
  const parts = [["store_late", beat.store_s, partLimitS], ["data_late", beat.data_s, dataLimitS], ["engine_late", beat.engine_s, partLimitS], ["notifier_late", beat.notifier_s, partLimitS]];
  const late = parts.find(([, age, limit]) => age !== null && age + sinceBeat() > Number(limit));
  return late ? { key: late[0], age: late[1] + sinceBeat() } : null;
}

function phones() {
  const people = [...document.querySelectorAll("#on-duty [data-phone]")].filter((p) => p.dataset.phone);
  const line = document.createElement("span");
  line.className = "phones";
  for (const person of people) {
    const link = document.createElement("a");
    link.href = `tel:${person.dataset.phone}`;
    link.textContent = `${person.textContent} ${person.dataset.phone}`;
    line.append(link, "\u2003");
  }
  return line;
}

function text() {
  if (isSignedOut && !isLost()) return [say("sign_in"), "", "signed_out"];
  if (isLost()) return [isSignedOut ? say("sign_in") : say("lost"), say("lost_why", { at: clockTime(beatServerMs), age: elapsed(sinceBeat() * 1000, "clock") }), "lost"];
  const late = latePart();
  return late ? [say(late.key), say("part_why", { age: spoken(late.age) }), late.key] : null;
}

export function show() {
  const lost = isLost();
  document.body.classList.toggle("lost", lost);
  document.title = lost ? `✕ ${title}` : title;
  for (const button of document.querySelectorAll("[data-act], form[data-act] button")) {
    if (button.matches("button") && button.disabled !== lost && !button.dataset.sending) button.disabled = lost;
  }
  showAge();
  const said = text();
  banner.hidden = !said;
  if (!said) return lost;
  if (banner.dataset.why !== said[2] || banner.childElementCount === 0) {
    const head = isSignedOut ? document.createElement("a") : document.createElement("b");
    if (isSignedOut) head.href = "/sign-in";
    head.textContent = said[0];
    const rest = document.createElement("span");
    banner.replaceChildren(head, " ", rest, phones());
    banner.dataset.why = said[2];
  }
  banner.children[1].textContent = said[1];
  return lost;
}

function showAge() {
  const age = beat && beat.data_s !== null ? beat.data_s + sinceBeat() : null;
  dataAge.textContent = age === null ? say("data_none") : say("data_age", { age: spoken(age) });
  dataAge.classList.toggle("late", age !== null && (age > Number(dataLimitS) || isLost()));
}

export { now };
