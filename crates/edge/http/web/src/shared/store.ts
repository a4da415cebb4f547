import type { ReactiveController, ReactiveControllerHost } from "lit";

import { Board, type Event as CtiEvent, Hookswitch, Refused, type Session } from "../../sdk/hookswitch.js";
import { heard } from "./clock.js";
import { forgetToken, keepToken, takeToken } from "./token.js";

/** Between page and daemon. */
export type Connection = "signed-out" | "connecting" | "live" | "cut";

/** What a {@link Store} tells beside its changes. */
export interface Notices {
  /** Connected again after so long; `whole`: every event in between was received. */
  resumed: { afterMs: number; whole: boolean };
  /** A command was not taken, or did not come about. */
  refused: { detail: string; hint: string };
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** A gap, if there is one, is told right behind the greeting. */
const GAP_SHOWS_MS = 300;
const FRAME_MS = 17;
/** How long what is of others may wait to be drawn, and as much again by chance: not every page at the same moment. */
const CALM_MS = 300;

/**
 * What a page knows: who is signed in, whether it is connected, and the live state of calls, agents and queues (the
 * library's board). Components follow it with a {@link Follow}; they are drawn at most once a frame. Two hundred
 * colleagues change their states many times a second: that is drawn now and then, so that a call that rings finds the
 * page at rest.
 */
export class Store {
  connection: Connection = "signed-out";
  session: Session | undefined;
  /** Why nobody is signed in, where there is a reason. */
  why = "";
  /** The daemon's disk is full: calls go on, events are late. */
  degraded = false;

  private library: Hookswitch | undefined;
  private readonly nothing = new Board();
  private readonly hosts = new Set<() => void>();
  private readonly calmHosts = new Set<() => void>();
  private readonly signals = new EventTarget();
  private readonly beginnings = new Set<(phone: Hookswitch) => void>();
  private drawing = false;
  private drawnAt = 0;
  private calm: ReturnType<typeof setTimeout> | undefined;
  /** The event that is being taken is a colleague's or a queue's. */
  private ofOthers = false;
  private cutAt = 0;
  private gap = false;
  private retry: ReturnType<typeof setTimeout> | undefined;

  /** Signs in with the token of the address or of this tab, if there is one. */
  start(): void {
    const begin = () => {
      const token = takeToken();
      if (token) void this.connect(token);
      else this.changed();
    };
    // A second `#token=` in the address signs in anew.
    addEventListener("hashchange", () => location.hash.includes("token=") && (this.leave(), begin()));
    begin();
  }

  signIn(token: string): void {
    keepToken(token);
    void this.connect(token);
  }

  signOut(why = ""): void {
    forgetToken();
    this.leave();
    this.why = why;
    this.changed();
  }

  /** The client library; only while somebody is signed in. */
  get phone(): Hookswitch {
    if (!this.library) throw new Error("nobody is signed in");
    return this.library;
  }

  /** What is live; nothing while nobody is signed in, which a component may still be drawing. */
  get board(): Board {
    return this.library?.board ?? this.nothing;
  }

  /** Whether there is a board to draw. */
  get ready(): boolean {
    return this.session !== undefined && this.library !== undefined;
  }

  /** Calls back with the library each time somebody signs in, before its first event: where listeners are set. */
  onBegin(handler: (phone: Hookswitch) => void): void {
    this.beginnings.add(handler);
  }

  /** Listens to {@link Notices}. */
  on<N extends keyof Notices>(notice: N, handler: (value: Notices[N]) => void): () => void {
    const listener = (event: Event) => handler((event as CustomEvent<Notices[N]>).detail);
    this.signals.addEventListener(notice, listener);
    return () => this.signals.removeEventListener(notice, listener);
  }

  tell<N extends keyof Notices>(notice: N, detail: Notices[N]): void {
    this.signals.dispatchEvent(new CustomEvent(notice, { detail }));
  }

  /** Waits for a request; what was refused is told as a notice. Answers undefined then. */
  async attempt<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.signOut(error.message);
      else this.tell("refused", told(error));
      return undefined;
    }
  }

  /** Draws every follower with the next frame: components call it when state of the page itself has changed. */
  changed(): void {
    if (this.drawing) return;
    this.drawing = true;
    const draw = () => {
      this.drawing = false;
      this.drawnAt = performance.now();
      for (const host of this.hosts) host();
    };
    this.changedCalmly();
    // At rest, what is new stands there when the next frame begins. A tab nobody looks at has no frames, but a title that
    // changes.
    if (document.hidden || performance.now() - this.drawnAt > FRAME_MS) setTimeout(draw);
    else requestAnimationFrame(draw);
  }

  /** Draws every follower, the calm ones too, when there is time. */
  private changedCalmly(): void {
    this.calm ??= setTimeout(() => {
      this.calm = undefined;
      for (const host of [...this.hosts, ...this.calmHosts]) host();
    }, CALM_MS * (1 + Math.random()));
  }

  /** Calls back when something has changed; a `calm` one a moment later. */
  follow(host: () => void, calm = false): () => void {
    const hosts = calm ? this.calmHosts : this.hosts;
    hosts.add(host);
    return () => void hosts.delete(host);
  }

  private leave(): void {
    clearTimeout(this.retry);
    this.library?.close();
    this.library = undefined;
    this.session = undefined;
    this.connection = "signed-out";
    this.degraded = false;
  }

  private async connect(token: string, pause = FIRST_PAUSE_MS): Promise<void> {
    this.leave();
    this.connection = "connecting";
    this.changed();
    const phone = new Hookswitch({ url: base(), token });
    this.library = phone;
    this.listen(phone);
    for (const begin of this.beginnings) begin(phone);
    try {
      await phone.connect();
    } catch (error) {
      if (this.library !== phone) return;
      if (error instanceof Refused && [401, 403].includes(error.status)) return this.signOut(error.message);
      // The daemon is away: it comes back, and so do we.
      this.leave();
      this.connection = "cut";
      this.changed();
      this.retry = setTimeout(() => void this.connect(token, Math.min(pause * 2, LONGEST_PAUSE_MS)), pause);
      return;
    }
    this.session = phone.session;
    this.why = "";
    this.changed();
  }

  private listen(phone: Hookswitch): void {
    phone.on("event", (event) => {
      heard(event.time);
      this.ofOthers = this.isOfOthers(event);
    });
    phone.on("change", () => {
      if (this.ofOthers) this.changedCalmly();
      else this.changed();
      this.ofOthers = false;
    });
    phone.on("gap", () => (this.gap = true));
    phone.on("refused", (error) => this.signOut(error.message));
    phone.on("notice", (type) => {
      this.degraded = type === "stream.degraded";
      this.changed();
    });
    phone.on("call.control_failed", ({ data }) => {
      if (data.agent === this.agent) this.tell("refused", { detail: data.reason, hint: "" });
    });
    phone.on("link", (state) => {
      if (state === "up") this.up();
      else if (this.connection === "live") {
        this.connection = "cut";
        this.cutAt = performance.now();
      }
      this.changed();
    });
  }

  private isOfOthers({ type, data }: CtiEvent): boolean {
    return type === "queue.stats" || (type === "agent.state" && data.agent.id !== this.agent);
  }

  private up(): void {
    this.connection = "live";
    if (!this.cutAt) return;
    const afterMs = performance.now() - this.cutAt;
    this.cutAt = 0;
    this.gap = false;
    setTimeout(() => this.tell("resumed", { afterMs, whole: !this.gap }), GAP_SHOWS_MS);
  }

  /** The agent of the token; who has a token above an agent's may act for one. */
  get agent(): string | null {
    return this.session?.agent ?? this.acting;
  }

  /** Whether the one signed in may choose whom to act for. */
  get chooses(): boolean {
    return this.session !== undefined && this.session.agent === null;
  }

  private acting: string | null = sessionStorage.getItem("hookswitch.agent");

  /** Acts for an agent, or for none. */
  actFor(agent: string | null): void {
    this.acting = agent;
    if (agent) sessionStorage.setItem("hookswitch.agent", agent);
    else sessionStorage.removeItem("hookswitch.agent");
    this.changed();
  }
}

/** Draws a component whenever the store has changed; a `calm` one, which shows what others do, a moment later. */
export class Follow implements ReactiveController {
  private off: (() => void) | undefined;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly store: () => Store | undefined,
    private readonly calm = false,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.hook();
  }

  hostUpdate(): void {
    this.hook();
  }

  hostDisconnected(): void {
    this.off?.();
    this.off = undefined;
  }

  private hook(): void {
    this.off ??= this.store()?.follow(() => this.host.requestUpdate(), this.calm);
  }
}

/** What a refusal says to people. */
export function told(error: unknown): Notices["refused"] {
  if (error instanceof Refused) return { detail: error.message, hint: error.problem?.hint ?? "" };
  return { detail: "", hint: "" };
}

/** The daemon, also behind a proxy's prefix: the page is one folder below it. */
export function base(): string {
  return new URL("..", location.href.replace(/[?#].*$/, "")).href.replace(/\/$/, "");
}
