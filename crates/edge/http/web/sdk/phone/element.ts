import type { Call, Event } from "../contract.js";
import { type Begun, Hookswitch, Refused } from "../hookswitch.js";
import { type Action, Bar, who } from "./bar.js";
import { Bridge } from "./bridge.js";
import { Links } from "./links.js";
import { Story } from "./story.js";
import type { Told } from "./told.js";
import { type Words, wordsFor } from "./words.js";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const NOTICE_MS = 6_000;

/** Where this module came from: the daemon is one folder above it. */
const SCRIPT = import.meta.url;

// Node has no elements: there the class is never made.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/**
 * `<hookswitch-phone>`: every `tel:` link and marked number of the page is clicked to call, and live calls are a small bar
 * with buttons from `actions`.
 *
 * | attribute | |
 * | --- | --- |
 * | `token` | who telephones; without it the element waits for the property `token` |
 * | `url` | the daemon; by default where the script came from |
 * | `agent` | for a token above an agent's: whose telephone |
 * | `numbers` | a CSS selector of what is a number beside `tel:` links and `data-hookswitch-number` |
 * | `pop` | `tab`: opens the customer's record in a tab; `here`: in this page. Without it records are told, not opened |
 * | `parent` | the origin of the window that frames this page, which is told what happens and may dial |
 * | `inline` | stands where it is in the page, not at its edge |
 * | `lang` | language, by default the page's |
 *
 * Fires `hookswitch`, a `CustomEvent` whose `detail` is a {@link Told}.
 */
export class HookswitchPhone extends Base {
  static readonly observedAttributes = ["token", "url", "agent", "numbers", "pop", "parent", "lang"];

  private bar: Bar | undefined;
  private library: Hookswitch | undefined;
  private links: Links | undefined;
  private bridge: Bridge | undefined;
  /** Settles when the sign-in under way is over, however it went. */
  private connecting: Promise<void> | undefined;
  private restarting = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private behind = Number.POSITIVE_INFINITY;
  private secret: string | null = null;

  /** Set from a script, it stands in no attribute that other scripts of the page read. */
  set token(token: string | null) {
    this.secret = token;
    this.restart();
  }

  /** The client library; none before the element is on a page and has a token. */
  get phone(): Hookswitch | undefined {
    return this.library;
  }

  /** Whose telephone it is. */
  get agentId(): string | null {
    return this.getAttribute("agent") ?? this.library?.session?.agent ?? null;
  }

  /** The agent's live calls. */
  get calls(): Call[] {
    return this.agentId && this.library ? this.library.board.callsOf(this.agentId) : [];
  }

  connectedCallback(): void {
    if (!this.bar) {
      const root = this.attachShadow({ mode: "open" });
      this.bar = new Bar(root, this.words, (call, action, value) => void this.perform(call, action, value), () => this.now());
    }
    this.restart();
  }

  disconnectedCallback(): void {
    this.leave();
  }

  attributeChangedCallback(name: string): void {
    if (name === "lang") this.bar?.speak(this.words);
    this.restart();
  }

  /** Calls a number: whatever the page holds. */
  async dial(number: string, data?: Record<string, string>): Promise<Begun | undefined> {
    this.tell({ type: "clicked", number });
    // A call that is made before the snapshot is taken stands in it, and would not be told as one that begins.
    await this.connecting;
    const { library, agentId } = this;
    if (!library?.session) {
      this.notice(this.words.signIn, true);
      return undefined;
    }
    this.notice(this.words.calling(number.replace(/^tel:/i, "")));
    return this.attempt(library.dial(number, { ...(agentId && { agent: agentId }), ...(data && { data }) }));
  }

  /** Ends the agent's part of a call. */
  async hangup(call: string): Promise<Begun | undefined> {
    return this.library && this.attempt(this.library.call(call).hangup(this.as));
  }

  private get words(): Words {
    return wordsFor(this.getAttribute("lang") || document.documentElement.lang || navigator.language);
  }

  private get as(): { agent?: string } {
    return this.library?.session?.agent || !this.agentId ? {} : { agent: this.agentId };
  }

  /** Several attributes change at once: it begins anew once. */
  private restart(): void {
    if (this.restarting || !this.isConnected) return;
    this.restarting = true;
    queueMicrotask(() => {
      this.restarting = false;
      this.leave();
      if (this.isConnected) this.begin();
    });
  }

  private leave(): void {
    clearTimeout(this.retry);
    this.library?.close();
    this.library = undefined;
    this.links?.stop();
    this.bridge?.stop();
    this.bar?.draw([]);
    this.bar?.stop();
  }

  private begin(): void {
    const parent = this.getAttribute("parent");
    this.bridge = parent && window.parent !== window ? new Bridge(this, window.parent, parent) : undefined;
    const token = this.getAttribute("token") ?? this.secret;
    // Without a token the page's links are what they were.
    if (!token) return;
    this.links = new Links(this.getAttribute("numbers") ?? "", (number) => void this.dial(number), (number) => this.words.call(number));
    this.links.start();
    this.connecting = this.connect(token, FIRST_PAUSE_MS);
  }

  private async connect(token: string, pause: number): Promise<void> {
    const url = this.getAttribute("url") ?? new URL("..", SCRIPT).href;
    const library = new Hookswitch({ url: new URL(url, location.href), token });
    this.library = library;
    let story: Story | undefined;
    library.on("change", () => this.draw());
    library.on("event", (event: Event) => {
      this.behind = Math.min(this.behind, Date.now() - Date.parse(event.time));
      story?.take(event);
    });
    library.on("refused", (error) => this.signedOut(error.message));
    if (this.hasAttribute("pop")) {
      library.onPop(async ({ pop, shown }) => {
        // It is measured, not needed.
        if (this.open(pop.url)) await shown().catch(() => {});
      });
    }
    library.on("screen.pop", ({ data }) => data.pop.agent === this.agentId && this.tell({ type: "pop", pop: data.pop, call: data.call }));
    try {
      await library.connect();
    } catch (error) {
      if (this.library !== library) return;
      library.close();
      if (error instanceof Refused && [401, 403].includes(error.status)) return this.signedOut(error.message);
      this.tell({ type: "away" });
      this.notice(this.words.away, true);
      this.retry = setTimeout(() => {
        this.connecting = this.connect(token, Math.min(pause * 2, LONGEST_PAUSE_MS));
      }, pause);
      return;
    }
    if (this.library !== library) return library.close();
    const agent = this.agentId;
    if (agent) {
      story = new Story(agent, (told) => this.tell(told));
      story.begin(this.calls);
    }
    this.notice("");
    this.draw();
    this.tell({ type: "ready", agent, name: library.session?.name ?? "" });
  }

  private signedOut(detail: string): void {
    this.library?.close();
    this.bar?.draw([]);
    this.notice(`${this.words.signIn}: ${detail}`, true, false);
    this.tell({ type: "signed-out", detail });
  }

  private draw(): void {
    const agent = this.agentId;
    this.bar?.draw(this.calls.map((call) => ({ call, leg: call.legs.find((leg) => leg.agent === agent && leg.state !== "left") })));
  }

  private async perform(call: Call, action: Action, value?: string): Promise<void> {
    if (!this.library) return;
    const control = this.library.call(call.id);
    const { as } = this;
    const to = value ?? "";
    const post = (body: object = {}) => this.library?.request<Begun>("POST", `/v1/calls/${encodeURIComponent(call.id)}/${action}`, { ...body, ...as });
    const verbs: Record<Action, () => Promise<Begun> | undefined> = {
      answer: () => control.answer(as),
      hangup: () => control.hangup(as),
      hold: () => control.hold(as),
      retrieve: () => control.retrieve(as),
      transfer: () => control.transfer(to, as),
      consult: () => control.consult(to, as),
      // A third is brought in by a consultation, which then becomes the conference.
      conference: () => control.consult(to, as),
      dtmf: () => control.dtmf(to, as),
      record: () => post({ on: call.data.recording !== "on" }),
      "consult/complete": () => control.complete(as),
      "consult/cancel": () => control.cancel(as),
      "consult/conference": () => control.conference(as),
    };
    const request = verbs[action]();
    if (request) await this.attempt(request);
  }

  /** Waits for a request; a refusal is shown and told. */
  private async attempt<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (error) {
      const detail = error instanceof Refused ? [error.message, error.problem?.hint].filter(Boolean).join(": ") : this.words.away;
      this.notice(detail, true);
      this.tell({ type: "refused", detail });
      return undefined;
    }
  }

  /** Opens a record; false: it is no page, or the browser forbade the tab. */
  private open(url: string | null): boolean {
    const target = url && URL.canParse(url) ? new URL(url) : undefined;
    if (!target || !["http:", "https:"].includes(target.protocol)) return false;
    if (this.getAttribute("pop") === "here") {
      location.assign(target);
      return true;
    }
    const opened = window.open(target, "hookswitch-record");
    if (!opened) return false;
    try {
      opened.opener = null;
    } catch {
      // It shows a page of another origin already, and was cut off from here when it was opened first.
    }
    return true;
  }

  private tell(told: Told): void {
    if (told.type === "incoming") this.bar?.say(this.words.ringing(who(told.call, this.words), told.call.queue ?? ""));
    this.bridge?.tell(told);
    this.dispatchEvent(new CustomEvent<Told>("hookswitch", { detail: told, bubbles: true, composed: true }));
  }

  private notice(text: string, bad = false, fades = true): void {
    clearTimeout(this.quiet);
    this.bar?.tell(text, bad);
    if (text && fades) this.quiet = setTimeout(() => this.bar?.tell(""), NOTICE_MS);
  }

  private now(): number {
    return Date.now() - (Number.isFinite(this.behind) ? this.behind : 0);
  }
}

/** Makes the element known to the page, once. */
export function define(): void {
  if (globalThis.customElements && !customElements.get("hookswitch-phone")) customElements.define("hookswitch-phone", HookswitchPhone);
}
