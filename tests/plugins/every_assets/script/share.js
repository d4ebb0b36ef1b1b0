// @ts-check
// Script of a plugin outside of the app.

import { $ } from "page/dom.js";

export const share = () => $("#every");
