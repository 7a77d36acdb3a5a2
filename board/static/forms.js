// Buttons and forms by fetch; the very same ones work without this file.
import { say } from "./clock.js";

const toast = document.getElementById("toast");
let hideToast = 0;

export function tell(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(hideToast);
  hideToast = setTimeout(() => (toast.hidden = true), 6000);
}

// `changed(id)` is called when the server has answered, whatever it said.
export function sendForms(changed, signedOut) {
  document.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!(button?.hasAttribute("data-act") || event.target.hasAttribute("data-act"))) return;
    event.preventDefault();
    const address = button?.getAttribute("formaction") ?? event.target.getAttribute("action");
    const fields = new URLSearchParams(new FormData(event.target, button));
    button.dataset.sending = "1";
    button.disabled = true;
    try {
      const answer = await fetch(address, { method: "POST", body: fields, headers: { Accept: "application/json" }, redirect: "error" });
      if (answer.status === 401) return signedOut();
      tell((await answer.json()).text);
      if (answer.ok) event.target.reset();
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
      tell(say("not_sent"));
    } finally {
      delete button.dataset.sending;
      button.disabled = false;
      changed(Number(address.split("/")[2]));
    }
  });
}
