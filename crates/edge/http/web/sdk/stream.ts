import { type Api, Refused } from "./api.js";
import type { Event, Snapshot } from "./contract.js";

/** How the stream is read. `auto`: a WebSocket where there is one, server-sent events by `fetch` elsewhere. */
export type Transport = "auto" | "websocket" | "sse";

/** What to read. */
export interface Filter {
  /** `call.ended`, `call.*`; none: everything. */
  types?: readonly string[];
  /** Only what concerns this agent. */
  agent?: string;
  /** Only what concerns this queue. */
  queue?: string;
}

/** What the owner of a stream is told. */
export interface Listener {
  /** The next event; never the same twice, never one left out. */
  event(event: Event): void;
  /** Events are lost for good (the cursor was older than what the journal keeps); a snapshot follows. */
  gap(gap: { from: string; to: string }): void;
  /** The state as a whole, true at `sequence`. */
  snapshot(snapshot: Snapshot): void;
  /** Connected, or between two connections. */
  link(state: "up" | "down"): void;
  /** The daemon's disk is full or back: events are late, not lost. */
  notice(type: string): void;
  /** The token does not open the stream; it is not tried again. */
  refused(error: Refused): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** The server says something at least every 20 s on SSE; a line that is silent for longer is dead. */
const SILENCE_MS = 60_000;
/** The token was withdrawn: coming again is of no use. */
const WITHDRAWN = 4001;
/** The session has expired: another one is made, and the stream goes on. */
const EXPIRED = 4003;

/**
 * The stream with proof that nothing is missing: every event names the one before it under the same filter (`prev`).
 * An event that does not follow the last one is not taken; the stream begins again after the last that did.
 */
export class Stream {
  private pause = FIRST_PAUSE_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private expired = false;
  private abort = new AbortController();

  constructor(
    private readonly api: Api,
    private readonly filter: Filter,
    private readonly transport: Transport,
    /** The sequence to go on from. */
    public cursor: string,
    private readonly listener: Listener,
  ) {}

  start(): void {
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.abort.abort();
  }

  private async connect(): Promise<void> {
    this.abort = new AbortController();
    try {
      const socket = this.transport !== "sse" && "WebSocket" in globalThis;
      if (!socket && this.transport === "websocket") throw new Error("this place has no WebSocket");
      await (socket ? this.websocket() : this.sse());
    } catch (error) {
      if (error instanceof Refused && [401, 403].includes(error.status)) {
        this.stopped = true;
        this.listener.link("down");
        this.listener.refused(error);
        return;
      }
    }
    this.abort.abort();
    if (this.stopped) return;
    if (this.expired) {
      this.expired = false;
      return this.connect();
    }
    this.listener.link("down");
    // Spread, so that a daemon that comes back is not met by every page in the same instant.
    this.timer = setTimeout(() => void this.connect(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  private address(): URL {
    const url = this.api.at("/v1/events");
    url.searchParams.set("after", this.cursor);
    if (this.filter.types?.length) url.searchParams.set("types", this.filter.types.join(","));
    if (this.filter.agent) url.searchParams.set("agent", this.filter.agent);
    if (this.filter.queue) url.searchParams.set("queue", this.filter.queue);
    return url;
  }

  /** Ends when the connection does. */
  private async websocket(): Promise<void> {
    const session = await this.api.session();
    if (this.stopped) return;
    const url = this.address();
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("access_token", session.access_token);
    await new Promise<void>((ended, refused) => {
      const socket = new WebSocket(url);
      const slow = setTimeout(() => socket.close(), CONNECT_TIMEOUT_MS);
      this.abort.signal.addEventListener("abort", () => socket.close());
      socket.onopen = () => clearTimeout(slow);
      socket.onmessage = ({ data }) => {
        if (this.abort.signal.aborted) return;
        if (!this.take(String(data))) this.abort.abort();
      };
      socket.onclose = ({ code, reason }) => {
        clearTimeout(slow);
        if (code === WITHDRAWN) refused(new Refused(401, undefined));
        this.expired = code === EXPIRED;
        ended();
        void reason;
      };
    });
  }

  /** Ends when the connection does. Not `EventSource`, because that can send no token but in the address. */
  private async sse(): Promise<void> {
    const headers = { ...this.api.headers(), Accept: "text/event-stream" };
    const watch = new Watch(this.abort, CONNECT_TIMEOUT_MS);
    try {
      const init: RequestInit = { headers, cache: "no-store", credentials: "omit", signal: this.abort.signal };
      const answer = await fetch(this.address(), init);
      if (!answer.ok || !answer.body) throw new Refused(answer.status, undefined);
      const lines = new Lines();
      const text = new TextDecoder();
      const reader = answer.body.getReader();
      for (;;) {
        watch.again(SILENCE_MS);
        const { done, value } = await reader.read();
        if (done) return;
        for (const data of lines.take(text.decode(value, { stream: true }))) {
          if (!this.take(data)) return;
        }
      }
    } finally {
      watch.end();
    }
  }

  /** False: the event does not follow the last one. */
  private take(json: string): boolean {
    const event = JSON.parse(json) as Event;
    switch (event.type) {
      case "stream.hello":
        this.pause = FIRST_PAUSE_MS;
        this.cursor = event.data.sequence;
        this.listener.link("up");
        return true;
      case "stream.gap":
        this.cursor = event.data.to;
        this.listener.gap(event.data);
        return true;
      case "stream.snapshot":
        this.listener.snapshot(event.data);
        return true;
      default:
        if (event.type.startsWith("stream.")) {
          this.listener.notice(event.type);
          return true;
        }
        if (event.sequence <= this.cursor) return true;
        if (event.prev !== this.cursor) return false;
        this.cursor = event.sequence;
        this.listener.event(event);
        return true;
    }
  }
}

/** Cuts a connection that says nothing for too long. */
class Watch {
  private timer: ReturnType<typeof setTimeout>;

  constructor(
    private readonly abort: AbortController,
    ms: number,
  ) {
    this.timer = setTimeout(() => abort.abort(), ms);
  }

  again(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.abort.abort(), ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

/** The `data` of server-sent events (WHATWG HTML, 9.2.6), however the bytes were cut. */
class Lines {
  private rest = "";
  private data: string[] = [];

  *take(text: string): Generator<string> {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.data.length) yield this.data.join("\n");
        this.data = [];
      } else if (line.startsWith("data:")) {
        this.data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
  }
}
