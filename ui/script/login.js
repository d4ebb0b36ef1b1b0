// Who is logged in, and the end of it.

function mountLogin(element) {
  $(".name", element).textContent = window.gradio_config?.username ?? "";
  $("button", element).addEventListener("click", logOut);
}

async function logOut() {
  const answer = await fetch(`${root()}/logout`, { method: "POST" }).catch(() => null);
  if (answer?.ok) location.reload();
  else tellAway(SILENT);
}
