// One stream a browser, not a tab: the tab that holds the Web Lock reads /events and tells the others.
const RETRY_MS = [2000, 4000];
const SILENT_MS = 20000;
const url = `/events?lang=${document.body.dataset.language}`;
const channel = new BroadcastChannel(`cw:${url}`);

// `take(event, data)` gets "board" (html), "beat" (object), "signed_out".
export function listen(take) {
  let newest = null;
  const give = (event, data) => {
    if (event === "board") newest = data;
    channel.postMessage({ event, data });
    take(event, data);
  };
  channel.onmessage = ({ data }) => {
    if (data.event === "hello") newest !== null && channel.postMessage({ event: "board", data: newest });
    else take(data.event, data.data);
  };
  channel.postMessage({ event: "hello" });
  if (navigator.locks) navigator.locks.request(`cw:${url}`, () => readForEver(give));
  else readForEver(give); // plain http on a network has no locks: every tab reads for itself
}

async function readForEver(give) {
  for (;;) {
    try {
      await readOnce(give);
    } catch (error) {
      if (!(error instanceof TypeError || error.name === "AbortError")) throw error; // the network's are these two
    }
    await new Promise((done) => setTimeout(done, RETRY_MS[0] + Math.random() * (RETRY_MS[1] - RETRY_MS[0])));
  }
}

async function readOnce(give) {
  const stop = new AbortController();
  let heardAt = performance.now();
  const watch = setInterval(() => performance.now() - heardAt > SILENT_MS && stop.abort(), 1000);
  try {
    const answer = await fetch(url, { signal: stop.signal, cache: "no-store", redirect: "error" });
    if (answer.status === 401) return give("signed_out", null);
    if (!answer.ok) return undefined;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      heardAt = performance.now();
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      events.forEach((text) => decode(text, give));
    }
  } finally {
    clearInterval(watch);
  }
}

function decode(text, give) {
  let event = "message";
  const data = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) event = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  if (data.length) give(event, event === "board" ? data.join("\n") : JSON.parse(data.join("\n")));
}
