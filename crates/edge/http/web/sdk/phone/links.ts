/** What is clicked to call: every `tel:` link, and what a page marks. */
export const MARKED = "[data-hookswitch-number]";

/** The number of a link or a marked element; whatever it holds, the daemon reads it. */
export function numberOf(element: Element): string {
  const marked = element.getAttribute("data-hookswitch-number");
  if (marked !== null) return marked.trim() || (element.textContent ?? "").trim();
  const href = element.getAttribute("href") ?? "";
  return /^tel:/i.test(href) ? href : (element.textContent ?? "").trim();
}

/**
 * Makes numbers of a page callable: by click, and by Enter where they have the focus. A click with a key held down, or
 * with another button, is the page's own.
 */
export class Links {
  private readonly watcher = new MutationObserver(() => this.mark());

  private readonly marks: string;

  constructor(
    /** Beside `tel:` links and `data-hookswitch-number`: what else is a number, as a CSS selector. */
    more: string,
    private readonly call: (number: string, element: Element) => void,
    private readonly label: (number: string) => string,
  ) {
    this.marks = more && usable(more) ? `${MARKED},${more}` : MARKED;
  }

  start(): void {
    document.addEventListener("click", this.onClick, true);
    document.addEventListener("keydown", this.onKey, true);
    this.watcher.observe(document.documentElement, { childList: true, subtree: true });
    this.mark();
  }

  stop(): void {
    document.removeEventListener("click", this.onClick, true);
    document.removeEventListener("keydown", this.onKey, true);
    this.watcher.disconnect();
  }

  /** What a page marks becomes reachable by keyboard, and says to a screen reader what it does. */
  private mark(): void {
    for (const element of document.querySelectorAll<HTMLElement>(this.marks)) {
      if (element.matches("a[href],button,[role],[tabindex]") || !numberOf(element)) continue;
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", this.label(numberOf(element)));
      element.tabIndex = 0;
    }
  }

  /** The number that an event is about. */
  private target(event: Event): Element | undefined {
    const selector = `a[href^="tel:" i],${this.marks}`;
    // Through open shadow roots: many CRMs are made of components.
    return event.composedPath().find((node): node is Element => node instanceof Element && node.matches(selector));
  }

  private readonly onClick = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    this.take(event);
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    // A link turns Enter into a click by itself.
    const [origin] = event.composedPath();
    const isMark = origin instanceof Element && origin.matches(this.marks) && !origin.matches("a[href],button");
    if (isMark && !event.repeat && (event.key === "Enter" || event.key === " ")) this.take(event);
  };

  private take(event: Event): void {
    const element = this.target(event);
    const number = element && numberOf(element);
    if (!element || !number) return;
    event.preventDefault();
    event.stopPropagation();
    this.call(number, element);
  }
}

/** A selector is written by hand: one with a mistake is told, and the links work all the same. */
function usable(selector: string): boolean {
  try {
    document.createDocumentFragment().querySelector(selector);
    return true;
  } catch {
    console.error(`hookswitch-phone: numbers="${selector}" is no selector`);
    return false;
  }
}
