import type { Call, Leg } from "../contract.js";
import type { Words } from "./words.js";

/** Actions in their order on the bar, and what those ask for that need more than a press. */
const ORDER = ["answer", "consult/complete", "consult/conference", "consult/cancel", "hold", "retrieve", "transfer", "consult", "conference", "dtmf", "record", "hangup"] as const;
export type Action = (typeof ORDER)[number];
const ASKS: ReadonlySet<Action> = new Set(["transfer", "consult", "conference", "dtmf"]);

/** Does an action of a call; `value`: the destination or the tones. */
export type Perform = (call: Call, action: Action, value?: string) => void;

const STYLE = `
  :host { all: initial; position: fixed; inset: auto 1rem 1rem auto; z-index: 2147483000; font: 14px/1.4 system-ui, sans-serif; color-scheme: light dark; }
  :host([inline]) { position: static; display: block; }
  :host([hidden]) { display: none; }
  .bar { color: light-dark(#15201d, #e7edeb); background: light-dark(#fff, #161d1b); border: 1px solid light-dark(#c7d0cc, #38443f);
    border-radius: 10px; box-shadow: 0 6px 24px rgb(0 0 0 / 22%); width: min(22rem, calc(100vw - 2rem)); box-sizing: border-box; overflow: hidden; }
  :host([inline]) .bar { width: auto; box-shadow: none; }
  .bar:not(:has(> *:not([hidden]))) { display: none; }
  .call { padding: 8px 12px 10px; border-inline-start: 4px solid light-dark(#55635f, #94a39e); }
  .call + .call { border-top: 1px solid light-dark(#dbe2df, #2a3532); }
  .call[data-state="offered"], .call[data-leg="ringing"] { border-inline-start-color: light-dark(#1d4ed8, #a3bffa); }
  .call[data-state="connected"] { border-inline-start-color: light-dark(#166534, #4ade80); }
  .call[data-state="held"] { border-inline-start-color: light-dark(#8a4a06, #fbbf24); }
  .who { display: flex; gap: 8px; align-items: baseline; }
  .who b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
  .time { margin-inline-start: auto; font-variant-numeric: tabular-nums; }
  .about { color: light-dark(#50605b, #9daba6); font-size: 12.5px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .buttons, form { display: flex; flex-wrap: wrap; gap: 5px; margin-top: 6px; }
  button, input { font: inherit; color: inherit; background: light-dark(#fff, #161d1b); border: 1px solid light-dark(#7d8b86, #6f7f7a); border-radius: 6px; padding: 2px 9px; min-height: 28px; box-sizing: border-box; }
  button { cursor: pointer; }
  button:hover { background: light-dark(#eaeeec, #1f2826); }
  button[data-action="answer"] { background: light-dark(#166534, #4ade80); color: light-dark(#fff, #0e1312); border-color: transparent; }
  button[data-action="hangup"] { color: light-dark(#a11c1c, #fca5a5); border-color: currentColor; }
  input { flex: 1 1 8rem; min-width: 0; }
  :focus-visible { outline: 2px solid light-dark(#0f6b64, #2dd4bf); outline-offset: 2px; }
  .notice { padding: 7px 12px; font-size: 13px; }
  .notice[data-bad] { color: light-dark(#a11c1c, #fca5a5); }
  .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;

/** Draws calls into a shadow root, from what `actions` of the agent's leg says and nothing else. All text is text. */
export class Bar {
  private readonly calls = make("div", "calls");
  private readonly notice = make("div", "notice");
  private readonly said = make("div", "said");
  /** By call: what is drawn, and of what. */
  private readonly drawn = new Map<string, { card: HTMLElement; signature: string }>();
  private clock: ReturnType<typeof setInterval> | undefined;

  constructor(
    root: ShadowRoot,
    private words: Words,
    private readonly perform: Perform,
    /** How far this computer's clock is ahead. */
    private readonly now: () => number,
  ) {
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    const bar = make("section", "bar");
    bar.setAttribute("aria-label", words.phone);
    this.notice.hidden = true;
    this.notice.setAttribute("role", "status");
    this.said.setAttribute("aria-live", "assertive");
    bar.append(this.calls, this.notice);
    root.append(bar, this.said);
    this.calls.hidden = true;
  }

  speak(words: Words): void {
    this.words = words;
    this.drawn.clear();
    this.calls.replaceChildren();
  }

  /** What a screen reader says at once. */
  say(sentence: string): void {
    this.said.textContent = sentence;
  }

  /** A line below the calls; none takes it away. */
  tell(text: string, bad = false): void {
    this.notice.textContent = text;
    this.notice.hidden = text === "";
    this.notice.toggleAttribute("data-bad", bad);
  }

  draw(calls: readonly { call: Call; leg: Leg | undefined }[]): void {
    const shown = new Set(calls.map(({ call }) => call.id));
    for (const [id, { card }] of this.drawn) {
      if (shown.has(id)) continue;
      card.remove();
      this.drawn.delete(id);
    }
    for (const { call, leg } of calls) {
      const signature = JSON.stringify([call.state, leg?.state, leg?.actions, call.customer, call.ani, call.queue, call.data.recording]);
      const before = this.drawn.get(call.id);
      if (before?.signature === signature) continue;
      const card = this.card(call, leg);
      if (before) this.swap(before.card, card);
      else this.calls.append(card);
      this.drawn.set(call.id, { card, signature });
    }
    this.calls.hidden = calls.length === 0;
    clearInterval(this.clock);
    if (calls.length) this.clock = setInterval(() => this.tick(), 1_000);
    this.tick();
  }

  stop(): void {
    clearInterval(this.clock);
  }

  /** A card in place of another: what one writes is not lost, and the focus stays on the same button. */
  private swap(old: HTMLElement, card: HTMLElement): void {
    const form = old.querySelector("form");
    const root = old.getRootNode() as ShadowRoot;
    const focused = root.activeElement;
    const action = focused instanceof HTMLElement ? focused.dataset.action : undefined;
    if (form && card.querySelector(`[data-action="${form.dataset.action}"]`)) card.append(form);
    old.replaceWith(card);
    if (form?.isConnected && focused instanceof HTMLInputElement) focused.focus();
    else if (action) (card.querySelector<HTMLElement>(`[data-action="${action}"]`) ?? card.querySelector<HTMLElement>("button"))?.focus();
  }

  private card(call: Call, leg: Leg | undefined): HTMLElement {
    const card = make("div", "call");
    card.dataset.call = call.id;
    card.dataset.state = call.state;
    card.dataset.leg = leg?.state ?? "ringing";
    const head = make("div", "who");
    head.append(text("b", "", who(call, this.words)), text("span", "time", ""));
    (head.lastChild as HTMLElement).dataset.since = call.answered_at ?? call.started_at;
    const about = [this.words.states[call.state], number(call) === who(call, this.words) ? "" : number(call), call.queue ?? ""].filter(Boolean).join(" · ");
    const buttons = make("div", "buttons");
    for (const action of ORDER) if (leg?.actions.includes(action)) buttons.append(this.button(call, action));
    card.append(head, text("div", "about", about), buttons);
    return card;
  }

  private button(call: Call, action: Action): HTMLElement {
    const label = action === "record" && call.data.recording === "on" ? this.words.stop : (this.words.actions[action] ?? action);
    const button = text("button", "", label) as HTMLButtonElement;
    button.type = "button";
    button.dataset.action = action;
    button.addEventListener("click", () => (ASKS.has(action) ? this.ask(call, action) : this.perform(call, action)));
    return button;
  }

  /** A field in the card: whereto, or which tones. */
  private ask(call: Call, action: Action): void {
    const card = this.drawn.get(call.id)?.card;
    if (!card) return;
    card.querySelector("form")?.remove();
    const form = document.createElement("form");
    form.dataset.action = action;
    const input = document.createElement("input");
    input.setAttribute("aria-label", `${this.words.actions[action]}: ${action === "dtmf" ? this.words.tones : this.words.to}`);
    input.placeholder = action === "dtmf" ? this.words.tones : this.words.to;
    input.autocomplete = "off";
    const send = text("button", "", action === "dtmf" ? this.words.send : (this.words.actions[action] ?? action));
    const cancel = text("button", "", this.words.cancel) as HTMLButtonElement;
    cancel.type = "button";
    const close = () => {
      form.remove();
      card.querySelector<HTMLElement>(`[data-action="${action}"]`)?.focus();
    };
    cancel.addEventListener("click", close);
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const value = input.value.trim();
      if (!value) return;
      this.perform(call, action, value);
      if (action === "dtmf") input.value = "";
      else form.remove();
    });
    form.append(input, send, cancel);
    card.append(form);
    input.focus();
  }

  private tick(): void {
    for (const time of this.calls.querySelectorAll<HTMLElement>(".time")) {
      const s = Math.max(0, Math.floor((this.now() - Date.parse(time.dataset.since ?? "")) / 1000));
      time.textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
    }
  }
}

/** The number of the other side. */
export function number(call: Call): string {
  return call.direction === "outbound" ? (call.dnis.e164 ?? call.dnis.raw) : (call.ani.e164 ?? call.ani.raw);
}

export function who(call: Call, words: Words): string {
  const known = call.customer.match === "one" ? call.customer.candidates[0]?.name : null;
  return known || (call.direction === "outbound" ? null : call.ani.name) || number(call) || words.withheld;
}

function make(tag: string, name: string): HTMLElement {
  const element = document.createElement(tag);
  if (name) element.className = name;
  return element;
}

function text(tag: string, name: string, content: string): HTMLElement {
  const element = make(tag, name);
  element.textContent = content;
  return element;
}
