// Calls of Gradio's that the app has refused. It keeps the forms of so many pages: one whose form it has put aside loads
// itself again, with what was typed. Why a press was refused is said where the run would be.

const RELOADED = "comfyforms.reloaded";
const gradiosFetch = window.fetch;

window.fetch = async (...request) => {
  const call = String(request[0]?.url ?? request[0]).includes("/gradio_api/run/");
  const answer = await gradiosFetch(...request);
  if (answer.ok) return answer;
  const said = await answer.clone().json().catch(() => null);
  if (said?.reload) { write(sessionStorage, RELOADED, true); location.reload(); }
  else if (call) unsent(said?.error ?? said?.detail ?? "That did not work.");
  return answer;
};

// Gradio writes only “Error”, and that where nobody sees it.
function unsent(why) {
  if (!sending) return;
  sending = false;
  object(why, "What you typed is still here.");
}

function tellReloaded() {
  if (!read(sessionStorage, RELOADED, false)) return;
  write(sessionStorage, RELOADED, false);
  object("This page was put aside to make room for others.", "It is loaded again, with what you typed. Try once more.");
}
