// What all parts of the page's script use. They share one scope: ui/page.py puts them into one function.

const $ = (selector, from = document) => from.querySelector(selector);

const read = (store, key, otherwise) => {
  try { return JSON.parse(store.getItem(key)) ?? otherwise; } catch { return otherwise; }
};
const write = (store, key, value) => {
  try { store.setItem(key, JSON.stringify(value)); } catch { /* private windows keep nothing */ }
};
const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const root = () => (window.gradio_config?.root ?? location.origin).replace(/\/$/, "");
