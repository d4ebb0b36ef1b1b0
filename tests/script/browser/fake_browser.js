// What modules find in a browser and node has not, as far as tests need it.

/** In the place of the browser's: what it was told to send, and how a test lets it hear. */
export class Socket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 3;
  /** All that were opened, the oldest first. @type {Socket[]} */
  static opened = [];
  readyState = Socket.CONNECTING;
  sent = [];

  constructor(url) {
    this.url = url;
    Socket.opened.push(this);
  }

  /** Where it leads, without the host. */
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

  /** It breaks off, or the app closes it. */
  end(code) {
    this.readyState = Socket.CLOSED;
    return this.onclose?.({ code });
  }

  close() {
    this.readyState = Socket.CLOSED;
  }
}

/** In the place of `localStorage`. */
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
 * Let modules find a browser, as a new page has it.
 * @returns {{ reloads: number }} what became of the page
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
