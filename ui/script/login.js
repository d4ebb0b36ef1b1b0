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

// Gradio's login form has no words for an answer other than "wrong".
const askLogin = window.fetch;
window.fetch = async (...asked) => {
  const answer = await askLogin(...asked);
  if (!String(asked[0]?.url ?? asked[0]).endsWith("/login")) return answer;
  const place = $("#login-says") ?? document.body.appendChild(element("p"));
  place.id = "login-says";
  place.role = "alert";
  place.textContent = answer.ok || answer.status === 400 ? "" : (await answer.clone().json()).error;
  return answer;
};
