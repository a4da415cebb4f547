/**
 * The Hookswitch client: live calls, agents and queues, the agent's telephone, and screen pops, for any page and for
 * Node from 20 on. No dependency.
 *
 * ```js
 * import { Hookswitch } from "https://hookswitch.example.com/sdk/hookswitch.js";
 *
 * const phone = new Hookswitch({ url: "https://hookswitch.example.com", token });
 * phone.on("call.offered", ({ data }) => show(data.call));
 * phone.onPop(({ pop }) => window.open(pop.url, "crm"));
 * await phone.connect();
 * const { call } = await phone.dial("+49 30 5550001");
 * await phone.call(call).hold();
 * ```
 */

import { Api, Refused } from "./api.js";
import { Board } from "./board.js";
import type { Agent, Call, Event, Link, Offer, Pop, Queue, Session, Snapshot } from "./contract.js";
import { type Filter, Stream, type Transport } from "./stream.js";

export type * from "./contract.js";
export { Board, Refused };
export type { Filter, Transport };

export interface Options extends Filter {
  /** Where the daemon is: `https://hookswitch.example.com`; a path in front stays. */
  url: string | URL;
  /** A token of the configuration or of the single sign-on. */
  token: string;
  transport?: Transport;
  /** Where to go on from, as kept from an earlier life; none: from the snapshot taken now. */
  after?: string;
  /** The name of this tab or device when it claims a pop; the same after a reload. */
  client?: string;
}

/** What was begun: the events that come of it carry `action`. */
export interface Begun {
  action: string;
  /** The call that was made, of a click-to-dial and of a consultation. */
  call?: string;
}

/** A pop this client has won: nobody else shows it. */
export interface Won {
  pop: Pop;
  call: Call;
  /** Tell that it is on the screen: measures ring-to-pop. */
  shown(): Promise<void>;
}

/** What {@link Hookswitch.on} listens to beside the types of events. */
export interface Signals {
  /** Every event, in order. */
  event: Event;
  /** The board changed. */
  change: Board;
  /** Events are lost for good; the board was made anew. */
  gap: { from: string; to: string };
  /** The stream is up or down. */
  link: "up" | "down";
  /** `stream.degraded`, `stream.restored`. */
  notice: string;
  /** The token does not open the stream. */
  refused: Refused;
}

type Handler<T> = (value: T) => void;
/** Takes the handler off again. */
export type Off = () => void;

export class Hookswitch {
  readonly board = new Board();
  private readonly api: Api;
  private readonly handlers = new Map<string, Set<Handler<never>>>();
  private readonly client: string;
  private stream: Stream | undefined;
  private who: Session | undefined;

  constructor(private readonly options: Options) {
    this.api = new Api(options.url, options.token);
    this.client = options.client ?? tabName();
  }

  /** Whose token it is; none before {@link connect}. */
  get session(): Session | undefined {
    return this.who;
  }

  /** The sequence of the last event that was taken: `after` of the next life. */
  get cursor(): string {
    return this.stream?.cursor ?? this.options.after ?? "";
  }

  get calls(): ReadonlyMap<string, Call> {
    return this.board.calls;
  }

  get agents(): ReadonlyMap<string, Agent> {
    return this.board.agents;
  }

  get queues(): ReadonlyMap<string, Queue> {
    return this.board.queues;
  }

  get links(): ReadonlyMap<string, Link> {
    return this.board.links;
  }

  /** The live calls of the token's agent. */
  get mine(): Call[] {
    return this.who?.agent ? this.board.callsOf(this.who.agent) : [];
  }

  /** Signs in, takes the snapshot and follows the stream from there (or from `after`), for ever. */
  async connect(): Promise<void> {
    this.who = await this.api.session();
    const snapshot = await this.api.ask<Snapshot>("GET", "/v1/snapshot");
    this.board.replace(snapshot);
    this.emit("change", this.board);
    const { types, agent, queue, transport = "auto", after = snapshot.sequence } = this.options;
    const filter: Filter = {
      ...(types && { types }),
      ...(agent && { agent }),
      ...(queue && { queue }),
    };
    this.stream = new Stream(this.api, filter, transport, after, {
      event: (event) => this.take(event),
      gap: (gap) => this.emit("gap", gap),
      snapshot: (snapshot) => {
        this.board.replace(snapshot);
        this.emit("change", this.board);
      },
      link: (state) => this.emit("link", state),
      notice: (type) => this.emit("notice", type),
      refused: (error) => this.emit("refused", error),
    });
    this.stream.start();
  }

  /** Leaves the stream. */
  close(): void {
    this.stream?.stop();
  }

  /** Listens to one type of event (`call.offered`), to a family (`call.*`), or to a {@link Signals signal}. */
  on<S extends keyof Signals>(signal: S, handler: Handler<Signals[S]>): Off;
  on<T extends Event["type"]>(type: T, handler: Handler<Extract<Event, { type: T }>>): Off;
  on(type: string, handler: Handler<Event>): Off;
  on(name: string, handler: Handler<never>): Off {
    const set = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, set.add(handler));
    return () => void set.delete(handler);
  }

  /**
   * Claims every pop for the token's agent and calls back only where this client won: of all tabs and devices exactly
   * one. A pop that has expired is not claimed.
   */
  onPop(handler: Handler<Won>): Off {
    return this.on("screen.pop", async (event: Event) => {
      const { pop, call } = event.data as { pop: Pop; call: Call };
      if (pop.agent !== this.who?.agent || Date.parse(pop.expires_at) < Date.now()) return;
      try {
        await this.api.ask("POST", `/v1/pops/${pop.id}/claim`, { client: this.client });
      } catch (error) {
        if (error instanceof Refused) return;
        throw error;
      }
      const shown = () => this.api.ask<void>("POST", `/v1/pops/${pop.id}/shown`, { client: this.client });
      handler({ pop, call, shown });
    });
  }

  /** Click-to-dial: the agent's device first, then `to`: whatever a page holds (`tel:`, spaces, brackets). */
  dial(to: string, more: { agent?: string; data?: Record<string, string> } = {}): Promise<Begun> {
    const agent = more.agent ?? this.who?.agent;
    return this.api.ask("POST", "/v1/calls", { to, ...(agent && { agent }), ...(more.data && { data: more.data }) });
  }

  /** What can be done with a call. */
  call(id: string): Control {
    return new Control(this.api, id);
  }

  /**
   * Reads a live call anew. What is legal on its legs also changes by what happens to another call (a consultation that
   * ends), of which this token may not be told.
   */
  async refresh(id: string): Promise<void> {
    const before = this.board.calls.get(id);
    const call = await this.call(id).get().catch((error: unknown) => {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    });
    // An event that came meanwhile knows better.
    if (before === undefined || this.board.calls.get(id) !== before) return;
    if (call === undefined || call.ended_at !== null) this.board.calls.delete(id);
    else this.board.calls.set(id, call);
    this.emit("change", this.board);
  }

  /** Changes an agent's state: the token's own when none is named. While talking it is remembered as `next`. */
  async state(state: "ready" | "not_ready" | "logged_out" | "wrap_up", reason?: string, agent = this.who?.agent): Promise<Begun> {
    if (!agent) throw new Error("name an agent: this token belongs to none");
    return this.api.ask("PUT", `/v1/agents/${encodeURIComponent(agent)}/state`, { state, ...(reason && { reason }) });
  }

  /** Any other request of the API. */
  request<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.api.ask(method, path, body);
  }

  private take(event: Event): void {
    const isNew = this.board.take(event);
    this.emit(event.type, event);
    this.emit(`${event.type.split(".")[0]}.*`, event);
    this.emit("event", event);
    if (isNew) this.emit("change", this.board);
  }

  private emit(name: string, value: unknown): void {
    for (const handler of this.handlers.get(name) ?? []) {
      try {
        (handler as Handler<unknown>)(value);
      } catch (error) {
        // A handler that fails must not cost the next one its event.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** The verbs. Each answers at once that it was taken; what came of it is told by events that carry `action`. */
export class Control {
  constructor(
    private readonly api: Api,
    readonly id: string,
  ) {}

  /** The call now; its legs say in `actions` what is legal. */
  get(): Promise<Call> {
    return this.api.ask("GET", this.path(""));
  }
  /** Why it was routed as it was. */
  why(): Promise<unknown> {
    return this.api.ask("GET", this.path("/why"));
  }
  answer = (as?: As): Promise<Begun> => this.post("/answer", { ...as });
  hangup = (as?: As): Promise<Begun> => this.post("/hangup", { ...as });
  hold = (as?: As): Promise<Begun> => this.post("/hold", { ...as });
  retrieve = (as?: As): Promise<Begun> => this.post("/retrieve", { ...as });
  dtmf = (digits: string, as?: As): Promise<Begun> => this.post("/dtmf", { digits, ...as });
  /** Blind, to an agent, a queue or a number. */
  transfer = (to: string, as?: As): Promise<Begun> => this.post("/transfer", { to, ...as });
  /** Hold the customer and call somebody. */
  consult = (to: string, as?: As): Promise<Begun> => this.post("/consult", { to, ...as });
  complete = (as?: As): Promise<Begun> => this.post("/consult/complete", { ...as });
  cancel = (as?: As): Promise<Begun> => this.post("/consult/cancel", { ...as });
  conference = (as?: As): Promise<Begun> => this.post("/consult/conference", { ...as });
  supervise = (mode: "listen" | "whisper" | "barge", as?: As): Promise<Begun> => this.post("/supervise", { mode, ...as });
  wrapUp = (disposition: string, notes?: string, as?: As): Promise<Begun> =>
    this.post("/wrap-up", { disposition, ...(notes && { notes }), ...as });
  /** Attached data: it travels with the call. */
  data = (changed: Record<string, string>): Promise<Begun> => this.api.ask("PATCH", this.path("/data"), changed);

  private post(verb: string, body: object): Promise<Begun> {
    return this.api.ask("POST", this.path(verb), body);
  }

  private path(rest: string): string {
    return `/v1/calls/${encodeURIComponent(this.id)}${rest}`;
  }
}

/** For tokens above an agent's: whose leg is meant. */
export interface As {
  agent?: string;
}

/** The same for the life of a tab, so that a reload is still the one that won a pop. */
function tabName(): string {
  const fresh = () => `sdk-${crypto.randomUUID().slice(0, 8)}`;
  try {
    const kept = sessionStorage.getItem("hookswitch.client") ?? fresh();
    sessionStorage.setItem("hookswitch.client", kept);
    return kept;
  } catch {
    return fresh(); // Node, or a page that may keep nothing
  }
}

export type { Offer };
