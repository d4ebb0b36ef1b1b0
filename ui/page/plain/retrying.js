// @ts-check
// Polls the app while it is unreachable, and reloads the page when it answers.

const EVERY = 3000;

async function tryAgain() {
  const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(
    () => null,
  );
  if (answer && answer.status < 500) location.reload();
}

setInterval(tryAgain, EVERY);
addEventListener("online", tryAgain);
