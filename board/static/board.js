// The page's own modules: stream -> swap -> banner, sound, clock; pane, forms, keys.
import { heard, isLost, show, signedOut } from "./banner.js";
import { now, say, tick } from "./clock.js";
import { sendForms } from "./forms.js";
import { onKeys } from "./keys.js";
import { sound } from "./sound.js";
import { listen } from "./stream.js";
import { parse, swap } from "./swap.js";

const board = document.getElementById("board");
const pane = document.getElementById("pane");
const REFRESH_MS = 15000;
const AFTER_TAP_MS = 1000;
let tappedAt = -Infinity;
let isDown = false;
let waitingFragment = null;
let known = new Set(rows().map((row) => row.id));
let paneAt = performance.now();
let worst = ["emergency", "warning"].find((severity) => document.querySelector(`#waiting .row.${severity}`)) ?? ""; // of what waits

function rows() {
  return board ? [...board.querySelectorAll(".row")] : [];
}

function selectedId() {
  return Number(document.getElementById("details")?.dataset.id) || 0;
}

function markSelected() {
  for (const row of rows()) row.classList.toggle("selected", Number(row.dataset.id) === selectedId());
}

async function load(id) {
  if (!id) return;
  paneAt = performance.now();
  try {
    const answer = await fetch(`/i/${id}/pane`, { cache: "no-store", redirect: "error" });
    if (answer.status === 401) return signedOut();
    if (!answer.ok) return;
    const fresh = parse(await answer.text());
    if (selectedId() === id) swap(pane, fresh);
    else pane.replaceChildren(...fresh.childNodes);
    const [shown, got] = [document.getElementById("details"), fresh.querySelector("#details")];
    if (shown && got) Object.assign(shown.dataset, got.dataset);
    const version = pane.querySelector('form [name="version"]');
    if (version) version.value = got.dataset.version; // what is written there now is written with this in view
    if (board) history.replaceState(null, "", `/?i=${id}`);
    markSelected();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no network: the banner says so
  }
}

function announce() {
  const fresh = rows().filter((row) => !known.has(row.id) && !row.classList.contains("taken"));
  known = new Set(rows().map((row) => row.id));
  if (fresh.length) document.getElementById("announce").textContent = fresh.map((row) => say("new_alarm", { what: row.querySelector(".what").textContent })).join(" ");
}

function apply() {
  if (waitingFragment === null || isDown || performance.now() - tappedAt < AFTER_TAP_MS) return;
  const fresh = parse(waitingFragment);
  waitingFragment = null;
  worst = ["emergency", "warning"].find((severity) => fresh.querySelector(`#waiting .row.${severity}`)) ?? "";
  const version = fresh.querySelector(`#incident-${selectedId()}`)?.dataset.version;
  swap(board ?? document.body, board ? fresh : onlyHeader(fresh));
  announce();
  markSelected();
  if (board && !selectedId() && rows().length) load(Number(rows()[0].dataset.id));
  else if (selectedId() && version !== document.getElementById("details").dataset.version) load(selectedId());
}

function onlyHeader(fresh) {
  const parts = document.createElement("div");
  const header = fresh.querySelector("#on-duty");
  if (header) parts.append(header);
  return parts;
}

function take(event, data) {
  if (event === "signed_out") signedOut();
  if (event === "board") waitingFragment = data;
  if (event === "beat") {
    heard(data);
    if (data.build !== document.body.dataset.build && !document.activeElement.matches("input")) location.reload();
  }
  everySecond();
}

function everySecond() {
  apply();
  const lost = show();
  tick(lost);
  sound(lost ? "lost" : worst);
  if (!lost && performance.now() - paneAt > REFRESH_MS) load(selectedId());
}

function select(step) {
  const all = rows();
  const here = all.findIndex((row) => Number(row.dataset.id) === selectedId());
  const next = all[here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1)];
  if (!next) return;
  next.scrollIntoView({ block: "nearest" });
  load(Number(next.dataset.id));
}

const hasPane = () => pane && getComputedStyle(pane).display !== "none";

board?.addEventListener("click", async (event) => {
  const link = event.target.closest("a.headline, a[data-key=close]");
  if (!link || !hasPane() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  await load(Number(link.closest(".row").dataset.id));
  if (link.dataset.key === "close") pane.querySelector('[name="outcome"]')?.focus();
});
document.addEventListener("pointerdown", () => { isDown = true; tappedAt = performance.now(); });
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => (isDown = false));
sendForms((id) => selectedId() === id && load(id), signedOut);
onKeys({ select, pane: () => pane });
markSelected();
listen(take);
setInterval(everySecond, 1000);
everySecond();
window.carewatch = { now, isLost }; // for tests and for the curious
