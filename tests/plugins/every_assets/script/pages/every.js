// @ts-check
// Script of a page of a plugin.

import { share } from "../share.js";

share();
