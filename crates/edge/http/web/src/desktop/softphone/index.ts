// What the page loads when its agent has a telephone in the browser, and not before.

export { Softphone } from "./softphone.js";
import "./panel.js";
import "./settings.js";
