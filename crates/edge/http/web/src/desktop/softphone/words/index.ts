import { speak } from "../../../shared/i18n.js";
import { de } from "./de.js";
import { en } from "./en.js";
import { zh } from "./zh.js";

export const words = speak({ en, de, "zh-CN": zh });
