/** Script of a hostile node pack: each function tries something against the app at `there`, and
 * returns what it got. The test calls them. */
const why = (error) => error.name;
const read = (address, options) =>
  fetch(address, options).then(
    async (answer) => (answer.type === "opaque" ? "opaque" : await answer.text()),
    why,
  );
const soon = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

globalThis.onmessage = async ({ data }) => globalThis.postMessage(await read(...data));

globalThis.evil = {
  inWorker: (address, script, options) =>
    new Promise((done) => {
      const worker = new Worker(script, { type: "module" });
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = () => done("no worker");
      worker.postMessage([address, options]);
    }),
  cookies: () => document.cookie,
  opener: () => String(globalThis.opener),
  referrer: () => document.referrer,
  read: (there, path) => read(there + path, { credentials: "include" }),
  blind: (there, path) => read(there + path, { credentials: "include", mode: "no-cors" }),
  post: (there, path, body) =>
    read(there + path, { method: "POST", body, credentials: "include", mode: "no-cors" }),
  json: (there, path, body) =>
    read(there + path, {
      method: "POST",
      body: JSON.stringify(body),
      credentials: "include",
      headers: { "content-type": "application/json" },
    }),
  here: (path, headers) => fetch(path, { headers }).then((answer) => answer.status, why),
  form: async (there, path, fields) => {
    const frame = document.createElement("iframe");
    frame.name = "target";
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: there + path, target: "target" });
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement("input"), { name, value }));
    }
    document.body.append(frame, form);
    form.submit();
    await soon(0.5);
    frame.remove();
  },
  socket: (address) =>
    new Promise((done) => {
      const socket = new WebSocket(address);
      socket.onopen = () => done("open");
      socket.onerror = () => done("refused");
    }),
  frame: async (there) => {
    const frame = document.createElement("iframe");
    frame.src = `${there}/`;
    document.body.append(frame);
    await soon(1);
    try {
      return frame.contentDocument?.title ?? "closed";
    } catch (error) {
      return why(error);
    } finally {
      frame.remove();
    }
  },
  worker: (address) => navigator.serviceWorker.register(address).then(() => "registered", why),
  toss: (names, domain) => {
    for (const name of names) {
      for (const more of ["", "; secure", `; domain=${domain}`, `; domain=${domain}; secure`]) {
        // biome-ignore lint/suspicious/noDocumentCookie: the attack
        document.cookie = `${name}=tossed; path=/${more}`;
      }
    }
  },
  window: async (there) => {
    const opened = globalThis.open(`${there}/`);
    await soon(1.5);
    try {
      return [opened.closed, opened.length, opened.location.href];
    } catch (error) {
      return [opened?.closed, why(error)];
    }
  },
};
