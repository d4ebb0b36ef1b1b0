// Failed requests: the page shows each one, in the app's words if the app has answered.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { newPage } from "./fake_browser.js";
import { tileDoc } from "./run_docs.js";

/** All elements created, with their click handlers. */
const made = [];
const element = () => {
  const one = {
    style: {},
    dataset: {},
    append: (...content) => Object.assign(one, { textContent: content.join("") }),
    addEventListener: (_, does) => Object.assign(one, { does }),
  };
  made.push(one);
  return one;
};

newPage();
globalThis.document = {
  documentElement: { dataset: {} },
  createElement: element,
  querySelector: () => null,
};
globalThis.requestAnimationFrame = globalThis.cancelAnimationFrame = () => 0;
const { mountAccount } = await import("../../../ui/page/script/components/account.js");
const { useInWorkflow } = await import("../../../ui/page/script/form/dragging.js");
const { tryToOpen } = await import("../../../ui/page/script/form/workflows.js");
const { showBeside } = await import("../../../ui/page/script/history/side_by_side.js");
const { lookBackAt } = await import("../../../ui/page/script/runs/following.js");
const { reuse } = await import("../../../ui/page/script/stage/actions.js");
const { INITIAL, page } = await import("../../../ui/page/script/state.js");
const { checked } = await import("../../../ui/page/script/vary/start.js");

const RUNS = ["a", "b"].map((id) => tileDoc({ id, title: "W", finished_at: 0 }));
const GONE = [404, { detail: "This result no longer exists." }];
const UNREADABLE = [422, { detail: "The app couldn't process this request." }];
const ADVISED = [422, { detail: "This form is gone.", hint: "Choose another." }];
const SILENT = ["Can't reach ComfyForms.", "Try again."];

beforeEach(() => page.set(INITIAL));

/** Answer every request from now on, or fail to connect if there is no status. */
function answerWith(status, said) {
  globalThis.fetch = async () => {
    if (!status) throw new TypeError("Failed to fetch");
    return new Response(typeof said === "string" ? said : JSON.stringify(said), { status });
  };
}

/** Return the notice that the user sees after an action. */
async function toldOf(does, ...answer) {
  page.set(INITIAL);
  answerWith(...answer);
  await does();
  return [page.now.notice?.headline, page.now.notice?.advice];
}

/** Return a function that presses this item of the account menu. */
function pressOf(name) {
  mountAccount({ querySelector: element, append() {} });
  const { does } = made.findLast(({ textContent }) => textContent === name);
  return async () => {
    does({});
    await new Promise((resolve) => setImmediate(resolve));
  };
}

test("says that a result is gone only if the app says so", async () => {
  for (const look of [() => lookBackAt({ id: "a" }), () => showBeside(RUNS, "")]) {
    assert.deepEqual(await toldOf(look, ...GONE), [GONE[1].detail, ""]);
    assert.deepEqual(await toldOf(look, ...UNREADABLE), [UNREADABLE[1].detail, ""]);
    assert.deepEqual(await toldOf(look), SILENT);
  }
});

test("shows the reason and the advice for any failed request", async () => {
  const asked = [
    () => lookBackAt({ id: "a" }),
    () => reuse("/api/v1/batches/b/rows/0/values"),
    () => useInWorkflow("a", 0, "w"),
  ];
  for (const does of asked) {
    assert.deepEqual(await toldOf(does, ...ADVISED), ["This form is gone.", "Choose another."]);
    assert.deepEqual(await toldOf(does, 502, "<html>"), ["Something went wrong.", ""]);
    assert.deepEqual(await toldOf(does, 200, "<html>"), ["Something went wrong.", ""]); // a proxy's page
    assert.deepEqual(await toldOf(does), SILENT);
  }
});

const ONE = { workflow: "w", spec: { axes: [] }, values: {} };

test("shows on one line why a batch can't be checked", async () => {
  answerWith(...ADVISED);
  assert.equal((await checked(ONE)).why, "This form is gone. Choose another.");
  answerWith(...GONE);
  assert.equal((await checked(ONE)).why, GONE[1].detail);
  answerWith();
  assert.equal((await checked(ONE)).why, SILENT.join(" "));
  answerWith(200, { rows: 2 });
  assert.deepEqual(await checked(ONE), { check: { rows: 2 }, why: "", isSilent: false });
});

test("shows nothing if the app may well refuse a file", async () => {
  let others = 0;
  const open = () => tryToOpen(new Blob(), "a.png", () => others++);
  assert.deepEqual(await toldOf(open, ...ADVISED), [undefined, undefined]);
  assert.deepEqual(await toldOf(open), [undefined, undefined]);
  assert.equal(others, 2);
});

test("shows why signing out failed, and the page stays usable", async () => {
  const press = pressOf("Sign out");
  assert.deepEqual(await toldOf(press, ...UNREADABLE), [UNREADABLE[1].detail, ""]);
  assert.deepEqual([page.now.away, page.now.signingOut], ["", false]);
  assert.deepEqual(await toldOf(press), SILENT);
});

test("signing out reloads the page or goes on to the provider", async () => {
  const become = newPage();
  const gone = [];
  globalThis.location.assign = (address) => gone.push(address);
  const press = pressOf("Sign out everywhere");
  globalThis.fetch = async () => new Response(null, { status: 204 });
  await press();
  assert.deepEqual([become.reloads, gone, page.now.signingOut], [1, [], true]);
  answerWith(200, { next: "https://provider.example/out" });
  await press();
  assert.deepEqual([become.reloads, gone], [1, ["https://provider.example/out"]]);
});
