/**
 * What a screen reader says. Two live regions outside of every component, because one that is drawn anew with its
 * content is not read.
 */
function region(politeness: "polite" | "assertive"): HTMLElement {
  const node = document.createElement("div");
  node.className = "hidden-text";
  node.setAttribute("aria-live", politeness);
  node.setAttribute("aria-atomic", "true");
  node.dataset.announcer = politeness;
  document.body.append(node);
  return node;
}

let regions: Record<"polite" | "assertive", HTMLElement> | undefined;

/** Says a sentence: at the next pause, or (`urgent`) at once: an incoming call. */
export function announce(sentence: string, urgent = false): void {
  regions ??= { polite: region("polite"), assertive: region("assertive") };
  const node = regions[urgent ? "assertive" : "polite"];
  // The same sentence twice is news, too.
  node.textContent = "";
  setTimeout(() => (node.textContent = sentence), 50);
}
