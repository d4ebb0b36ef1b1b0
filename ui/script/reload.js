// The app keeps the forms of so many pages. A page whose form it has put aside loads itself again, with what was typed.

const RELOADED = "comfyforms.reloaded";
const gradiosFetch = window.fetch;

window.fetch = async (...request) => {
  const answer = await gradiosFetch(...request);
  if (answer.status === 404 || answer.status === 422) {
    const said = await answer.clone().json().catch(() => ({}));
    if (said?.reload) { write(sessionStorage, RELOADED, true); location.reload(); }
  }
  return answer;
};

function tellReloaded() {
  if (!read(sessionStorage, RELOADED, false)) return;
  write(sessionStorage, RELOADED, false);
  object("This page was put aside to make room for others.", "It is loaded again, with what you typed. Try once more.");
}
