// Elements. Whatever comes from outside becomes text, never markup.

/** An element with properties, attributes (`data-…`, `aria-…`, `role`) and children; strings become text nodes. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "datetime") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const drawn = new WeakMap();

/** Draws a part of the page again, only if what it shows has changed: focus and open details stay. */
export function draw(node, shown, build) {
  const key = JSON.stringify(shown);
  if (drawn.get(node) === key) return;
  drawn.set(node, key);
  const open = new Map([...node.querySelectorAll("details")].map((details) => [details.dataset.key, details.open]));
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  node.replaceChildren(...[build()].flat().filter(Boolean));
  for (const details of node.querySelectorAll("details")) details.open = open.get(details.dataset.key) ?? details.open;
  if (focused) node.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Any JSON value as nested lists. */
export function tree(value) {
  if (value === null || typeof value !== "object") return el("span", {}, String(value ?? "–"));
  const entries = Object.entries(value);
  if (!entries.length) return el("span", { className: "muted" }, "none");
  return el("dl", { className: "tree" }, entries.map(([key, part]) => [
    el("dt", {}, Array.isArray(value) ? `${Number(key) + 1}.` : key.replaceAll("_", " ")),
    el("dd", {}, tree(part)),
  ]).flat());
}
