// `/sdk/hookswitch.js`: the library, and in a browser the element `<hookswitch-phone>`.

import { define } from "./phone/element.js";

export * from "./hookswitch.js";
export { HookswitchPhone } from "./phone/element.js";
export type { Told } from "./phone/told.js";

define();
