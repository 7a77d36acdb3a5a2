// Alarm tones by Web Audio, in one tab only; they stop when an incident is taken, not when it is looked at.
import { say } from "./clock.js";

const TONES = {
  emergency: { every: 6, notes: [0, 0.2, 0.4, 0.8, 1.0, 1.6, 1.8, 2.0, 2.4, 2.6].map((at, i) => [at, i % 5 < 3 ? 523 : 659]) },
  warning: { every: 20, notes: [[0, 440], [0.25, 440], [0.5, 440]] },
  lost: { every: 10, notes: [[0, 660], [0.3, 440]] },
};
const NOTE_S = 0.15;
const button = document.getElementById("sound");
const audio = new AudioContext();
let isSounding = false; // this tab holds the lock
let playedAt = { name: "", at: -Infinity };

function show() {
  const isOn = audio.state === "running";
  button.classList.toggle("off", !isOn);
  button.textContent = say(isOn ? "sound_on" : "sound_off");
  if (isOn && !isSounding) hold();
}

function hold() {
  isSounding = true;
  if (navigator.locks) {
    isSounding = false;
    navigator.locks.request("cw:sound", { ifAvailable: true }, (lock) => {
      if (!lock) return undefined;
      isSounding = true;
      return new Promise(() => {}); // until the tab is closed
    });
  }
}

function play(notes) {
  for (const [at, pitch] of notes) {
    const start = audio.currentTime + 0.02 + at;
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime(0.5, start + 0.01);
    loudness.gain.setValueAtTime(0.5, start + NOTE_S - 0.02);
    loudness.gain.linearRampToValueAtTime(0, start + NOTE_S);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start);
    tone.stop(start + NOTE_S);
  }
}

// Called on each message as well as by the timer: hidden tabs throttle timers.
// `name`: a key of TONES, or "" for silence.
export function sound(name) {
  show();
  document.body.dataset.sound = name;
  if (!name || !isSounding || audio.state !== "running") return;
  const now = performance.now() / 1000;
  if (name === playedAt.name && now - playedAt.at < TONES[name].every) return;
  playedAt = { name, at: now };
  play(TONES[name].notes);
}

button.addEventListener("click", () => audio.resume().then(show));
document.addEventListener("pointerdown", () => audio.state === "suspended" && audio.resume().then(show), { once: true });
audio.addEventListener("statechange", show);
show();
