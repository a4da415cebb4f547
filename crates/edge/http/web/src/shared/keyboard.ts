import type { ReactiveController, ReactiveControllerHost } from "lit";

/** A key of the page: the letter alone where no text is being written, with Alt anywhere. */
export interface Shortcut {
  /** One lower-case letter, digit or sign, as in `KeyboardEvent.key`. */
  key: string;
  /** What it does, in the language in use. */
  label: string;
  /** False: not now, and the key is left to others. */
  run(): boolean | void;
}

const KEPT = "hookswitch.letters";

/** Whether letters alone are shortcuts: who speaks to the computer, or rests a hand on the keys, turns them off. */
export function letters(): boolean {
  return localStorage.getItem(KEPT) !== "off";
}

export function setLetters(on: boolean): void {
  if (on) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, "off");
}

/** The shortcuts of a component, for as long as it is on the page. */
export class Shortcuts implements ReactiveController {
  constructor(
    host: ReactiveControllerHost,
    /** Asked for at each key, so that what is listed is what is possible. */
    readonly list: () => readonly Shortcut[],
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    document.addEventListener("keydown", this.onKey);
  }

  hostDisconnected(): void {
    document.removeEventListener("keydown", this.onKey);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing || event.repeat) return;
    if (!event.altKey && (!letters() || writes(event.composedPath()[0]))) return;
    if (document.querySelector("dialog[open]") || inDialog(event)) return;
    // With Alt a Mac writes other characters: there the place of the key counts.
    const physical = event.altKey ? /^(?:Key|Digit)(.)$/.exec(event.code)?.[1]?.toLowerCase() : undefined;
    const pressed = [event.key.toLowerCase(), physical];
    for (const shortcut of this.list()) {
      if (!pressed.includes(shortcut.key) || shortcut.run() === false) continue;
      event.preventDefault();
      return;
    }
  };
}

function inDialog(event: KeyboardEvent): boolean {
  return event.composedPath().some((node) => node instanceof HTMLDialogElement);
}

function writes(target: EventTarget | undefined): boolean {
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLElement && target.isContentEditable);
}

/**
 * Arrow keys, Home and End within a list, of which one item at a time is reached by Tab. Bind to `keydown` of the
 * container; items match `selector`.
 */
export function roving(event: KeyboardEvent, selector: string): void {
  const container = event.currentTarget as HTMLElement;
  const items = [...container.querySelectorAll<HTMLElement>(selector)].filter((item) => item.getAttribute("aria-disabled") !== "true");
  const at = items.indexOf(event.target as HTMLElement);
  const steps: Record<string, number> = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 };
  const wanted = steps[event.key];
  if (wanted === undefined || items.length === 0) return;
  event.preventDefault();
  const next = items[(wanted + items.length) % items.length];
  for (const item of items) item.tabIndex = item === next ? 0 : -1;
  next?.focus();
}
