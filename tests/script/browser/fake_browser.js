// Fakes of the browser globals that modules need and Node lacks.

/** Fake WebSocket. It records what it sends, and a test can deliver messages to it. */
export class Socket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 3;
  /** All sockets opened, oldest first. @type {Socket[]} */
  static opened = [];
  readyState = Socket.CONNECTING;
  sent = [];

  constructor(url) {
    this.url = url;
    Socket.opened.push(this);
  }

  /** The last two parts of the socket's path. */
  get path() {
    return new URL(this.url).pathname.split("/").slice(-2).join("/");
  }

  open() {
    this.readyState = Socket.OPEN;
    this.onopen?.();
  }

  send(word) {
    this.sent.push(word.replace(/ \d+$/, "")); // without the milliseconds
  }

  hear(said) {
    this.onmessage?.({ data: typeof said === "string" ? said : JSON.stringify(said) });
  }

  frame(number, place = {}) {
    this.hear({ frame: number, ...place });
    this.onmessage({ data: number });
  }

  /** Close the socket, as a lost connection or the app does. */
  end(code) {
    this.readyState = Socket.CLOSED;
    return this.onclose?.({ code });
  }

  close() {
    this.readyState = Socket.CLOSED;
  }
}

/** Fake `localStorage`. */
class Kept extends Map {
  getItem(key) {
    return this.get(key) ?? null;
  }

  setItem(key, text) {
    this.set(key, text);
  }

  removeItem(key) {
    this.delete(key);
  }
}

/**
 * Set up the globals of a new page.
 * @returns {{ reloads: number }} counts the page's reloads
 */
export function newPage() {
  const become = { reloads: 0 };
  Socket.opened = [];
  globalThis.WebSocket = Socket;
  globalThis.window = globalThis;
  globalThis.localStorage = new Kept();
  globalThis.sessionStorage = new Kept();
  globalThis.location = {
    reload() {
      become.reloads += 1;
    },
  };
  return become;
}
