import { speak } from "../../shared/i18n.js";
import { de } from "./de.js";
import { en } from "./en.js";
import { zh } from "./zh.js";

/** What the administrator's page says, in the language in use. */
export const words = speak({ en, de, "zh-CN": zh });
