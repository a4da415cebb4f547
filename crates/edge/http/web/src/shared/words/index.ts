import { speak } from "../i18n.js";
import { de } from "./de.js";
import { en } from "./en.js";
import { zh } from "./zh.js";

/** What all pages say, in the language in use. */
export const common = speak({ en, de, "zh-CN": zh });
