// Lets node find `page/…`, by which the script of parts imports the page's modules.

import { register } from "node:module";

const PAGE = new URL("../../ui/page/script/", import.meta.url);

/** @param {string} page */
const hooks = (page) => `
  export const resolve = async (name, context, next) => {
    const found = await next(name.startsWith("page/") ? ${JSON.stringify(page)} + name.slice(5) : name, context);
    return found.url.endsWith(".js") ? { ...found, format: "module" } : found;
  };`;
register(`data:text/javascript,${encodeURIComponent(hooks(PAGE.href))}`);
