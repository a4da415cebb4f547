import { type Agent, type Call, type Event, type Leg, type Offer, Refused, type Softphone as Account, type Work } from "../../sdk/hookswitch.js";
import { everySecond, now } from "../shared/clock.js";
import type { Store } from "../shared/store.js";
import { legOf } from "../shared/telephony.js";
import { History } from "./history.js";
import { Pops } from "./pops.js";
import { Ringer } from "./ringer.js";
import type { Softphone } from "./softphone/softphone.js";

/** What is legal on a leg, as `actions` names it. */
export type Action = Leg["actions"][number];

/** A call that is over for the agent (ended, or handed on) and waits for its disposition. */
export interface Finished {
  call: Call;
  /** When the daemon ends the wrap-up by itself. */
  until: string | null;
}

/** When calls are read anew after something was asked for, and how often while somebody is consulted. */
const REFRESH_MS = [500, 2_000];
const CONSULTATION_S = 2;
const TONE_PAUSE_MS = 150;
const TONE_TRIES = 20;
/** How long a PBX has one tone on its way, at most, with room for what the link adds. */
const TONE_TAKES_MS = 500;

/** When the own telephone is asked for again after it could not be had. */
const EQUIP_AGAIN_MS = 10_000;

/** What is asked for from a call that needs a destination. */
export type Destined = "transfer" | "consult" | "conference";

/**
 * One agent's desk: the calls of the agent, what rings, what is to be wrapped up, pops and history. It adds nothing to
 * what the events say but memory of what this page has shown.
 */
export class Desk {
  readonly pops: Pops;
  readonly history: History;
  /** The telephone in this browser, where the agent has one. */
  softphone: Softphone | undefined;
  /** Tells the agent something of it at once. */
  onTrouble: (sentence: string) => void = () => {};
  /** For whose token that was looked at. */
  private equipped: string | undefined;
  private readonly ringer: Ringer;
  /** Verbs whose answer has not come yet, by call: their buttons wait. */
  private readonly asked = new Map<string, Set<string>>();
  /** Until when tones of this page may be on their way, by call: on the clock of the page. */
  private readonly sounding = new Map<string, number>();
  /** The call the agent talked in last, as it was told last. */
  private talked: Call | undefined;
  private until: string | null = null;
  private figures: { of: string; since: string | undefined; today: Work | undefined } | undefined;

  constructor(readonly store: Store) {
    this.pops = new Pops(store);
    this.history = new History(store);
    this.ringer = new Ringer(store, (call) => this.pops.again(call));
    store.follow(() => void this.equip());
    let seconds = 0;
    everySecond(() => (seconds += 1) % CONSULTATION_S === 0 && this.refresh(this.inConsultation));
    store.onBegin((phone) => {
      this.talked = undefined;
      this.history.forget();
      this.asked.clear();
      this.sounding.clear();
      phone.on("event", (event) => this.take(event));
    });
  }

  get agent(): string | null {
    return this.store.agent;
  }

  /** The agent's live calls: what rings first, then the oldest. A consultation stands behind the call it belongs to. */
  get calls(): Call[] {
    const { agent } = this;
    if (!agent) return [];
    const rings = (call: Call) => (legOf(call, agent)?.state === "ringing" ? 0 : 1);
    return this.store.board.callsOf(agent).sort((a, b) => rings(a) - rings(b));
  }

  /** What the agent may do with a call now: `actions` of the agent's leg. */
  actions(call: Call): readonly Action[] {
    const legal = (this.agent && legOf(call, this.agent)?.actions) || [];
    // What rings in the browser is answered there, whatever the PBX can make a phone do.
    return this.softphone?.rings(call) && !legal.includes("answer") ? ["answer", ...legal] : legal;
  }

  /** Answers at the telephone in the browser, else has the PBX make the phone answer. */
  answer(call: Call): void {
    if (this.softphone?.rings(call)) this.softphone.answer();
    else void this.ask(call, "answer");
  }

  may(call: Call, action: Action): boolean {
    return this.actions(call).includes(action) && !this.asked.get(call.id)?.has(action);
  }

  /** The agent's side of the consultation that belongs to a call. One agent consults at most once at a time. */
  consultation(call: Call): Call | undefined {
    const consults = (one: Call) => this.actions(one).some((action) => action.startsWith("consult/"));
    if (!this.agent || legOf(call, this.agent)?.state !== "held" || !consults(call)) return undefined;
    return this.calls.find((other) => other.id !== call.id && other.direction === "internal" && consults(other));
  }

  /** The live calls as they are drawn: a consultation inside of its call. */
  get drawn(): { call: Call; consultation: Call | undefined }[] {
    const all = this.calls.map((call) => ({ call, consultation: this.consultation(call) }));
    const inside = new Set(all.flatMap(({ consultation }) => (consultation ? [consultation.id] : [])));
    return all.filter(({ call }) => !inside.has(call.id));
  }

  /** The call that keys act on: the first that allows it. */
  first(...actions: Action[]): Call | undefined {
    return this.calls.find((call) => actions.some((action) => this.may(call, action)));
  }

  /** The offer that rings at the agent. */
  offer(call: Call): Offer | undefined {
    const offer = this.store.board.offers.get(call.id);
    return offer && offer.agent === this.agent && !offer.outcome ? offer : undefined;
  }

  /** Asks for something of a call; `more` is the rest of the body. Answers whether it was taken. */
  async ask(call: Call, verb: string, more: Record<string, unknown> = {}): Promise<boolean> {
    const busy = this.asked.get(call.id) ?? new Set();
    this.asked.set(call.id, busy.add(verb));
    this.store.changed();
    const path = `/v1/calls/${encodeURIComponent(call.id)}/${verb}`;
    const request = () => this.store.phone.request("POST", path, { agent: this.agent, ...more });
    const taken = await this.store.attempt(this.behindTones(call, request));
    busy.delete(verb);
    this.store.changed();
    for (const ms of taken === undefined ? [] : REFRESH_MS) setTimeout(() => this.refresh(this.calls), ms);
    return taken !== undefined;
  }

  /** What is asked for while tones are on their way waits for them: a call does one thing at a time. */
  private async behindTones<T>(call: Call, request: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await request();
      } catch (error) {
        const waits = error instanceof Refused && error.status === 409 && performance.now() < (this.sounding.get(call.id) ?? 0);
        if (!waits) throw error;
        await new Promise((done) => setTimeout(done, TONE_PAUSE_MS));
      }
    }
  }

  /** Sends tones. A call does one thing at a time: while the last tones are on their way, these wait. */
  async tones(call: Call, digits: string): Promise<void> {
    // A telephone's own keys also work for the PBX's features, and while the daemon is away.
    if (this.softphone?.talks(call) && this.softphone.tones(digits)) return;
    const takes = (digits.length + 1) * TONE_TAKES_MS;
    this.sounding.set(call.id, performance.now() + takes);
    for (let tries = 1; ; tries += 1) {
      const sent = this.store.phone.call(call.id).dtmf(digits, this.agent ? { agent: this.agent } : {});
      const refused = await sent.then(() => undefined, (error: unknown) => error);
      if (refused === undefined) {
        this.sounding.set(call.id, performance.now() + takes);
        // What was read meanwhile says that nothing but hanging up is possible.
        setTimeout(() => this.refresh(this.calls), takes);
        return;
      }
      const busy = refused instanceof Refused && refused.status === 409 && tries < TONE_TRIES;
      if (!busy) return void this.store.attempt(Promise.reject(refused));
      await new Promise((done) => setTimeout(done, TONE_PAUSE_MS));
    }
  }

  /** Whether tones can be sent into a call, or are on their way: nothing else is possible as long as they are. */
  takesTones(call: Call): boolean {
    return this.actions(call).includes("dtmf") || performance.now() < (this.sounding.get(call.id) ?? 0);
  }

  /** Reads calls anew: see `Hookswitch.refresh`. */
  private refresh(calls: readonly Call[]): void {
    if (!this.store.ready) return;
    // One that cannot be read now is what it was; the next time comes.
    for (const { id } of calls) this.store.phone.refresh(id).catch(() => {});
  }

  /** The calls of a consultation, which may end without this agent being told. */
  private get inConsultation(): Call[] {
    return this.store.ready ? this.calls.filter((call) => this.actions(call).some((action) => action.startsWith("consult/"))) : [];
  }

  /** Attached data: it travels with the call. */
  async attach(call: Call, changed: Record<string, string>): Promise<boolean> {
    return (await this.store.attempt(this.store.phone.call(call.id).data(changed))) !== undefined;
  }

  async dial(to: string): Promise<boolean> {
    const { agent } = this;
    const asked = this.store.attempt(this.store.phone.dial(to, agent ? { agent } : {}));
    return (await (this.softphone?.dials(asked) ?? asked)) !== undefined;
  }

  async state(state: "ready" | "not_ready" | "logged_out", reason?: string): Promise<void> {
    await this.store.attempt(this.store.phone.state(state, reason, this.agent ?? undefined));
  }

  /** The agent's calls and occupancy of the day; asked for when the agent's state changes. */
  get today(): Work | undefined {
    return this.figures?.of === this.agent ? this.figures?.today : undefined;
  }

  /** Asks for the day's figures of the agent. */
  async learnToday(agent: string): Promise<void> {
    if (this.figures?.of === agent && this.figures.since === this.store.board.agents.get(agent)?.since) return;
    this.figures = { of: agent, since: this.store.board.agents.get(agent)?.since, today: this.figures?.today };
    try {
      const { figures } = await this.store.phone.request<Agent>("GET", `/v1/agents/${encodeURIComponent(agent)}`);
      this.figures = { ...this.figures, today: figures?.today };
      this.store.changed();
    } catch {
      // The page works without.
    }
  }

  /** What is to be wrapped up: the last call that ended, while the agent's state says so. */
  get wrapUp(): Finished | undefined {
    const agent = this.agent ? this.store.board.agents.get(this.agent) : undefined;
    if (agent?.state !== "wrap_up") return undefined;
    // After a reload the journal says which call it was.
    const call = this.talked ?? this.history.last?.call;
    return call && { call, until: this.until };
  }

  /** Notes and disposition; a disposition ends the wrap-up. */
  note(call: Call, body: { disposition?: string; notes?: string }): Promise<boolean> {
    return this.ask(call, "wrap-up", body);
  }

  /** Gets the telephone of who signed in, and lets it go when nobody is. It outlives a cut: its wire is another one. */
  private async equip(): Promise<void> {
    const { session, connection } = this.store;
    if (connection === "signed-out") this.unequip();
    if (!session || this.equipped === session.name) return;
    this.unequip();
    this.equipped = session.name;
    if (!session.softphone) return;
    try {
      const [account, { Softphone }] = await Promise.all([
        this.store.phone.request<Account>("GET", "/v1/me/softphone"),
        import("./softphone/index.js"),
      ]);
      if (this.equipped !== session.name || this.softphone) return;
      this.softphone = new Softphone(this.store, account);
      this.softphone.onTrouble = (sentence) => this.onTrouble(sentence);
      this.store.changed();
    } catch {
      setTimeout(() => {
        if (this.softphone || this.equipped !== session.name) return;
        this.equipped = undefined;
        this.store.changed();
      }, EQUIP_AGAIN_MS);
    }
  }

  private unequip(): void {
    this.equipped = undefined;
    this.softphone?.close();
    this.softphone = undefined;
  }

  /** Keeps the call that will be wrapped up: with the customer, not with who was consulted. */
  private follow(event: Event, agent: string): void {
    const { call } = event.data as { call?: Call | null };
    if (!call) return;
    const talks = call.legs.some((leg) => leg.agent === agent && leg.role === "agent" && ["connected", "held"].includes(leg.state));
    // What is noted afterwards is still the call's.
    if (talks || call.id === this.talked?.id) this.talked = call;
  }

  private take(event: Event): void {
    const { agent } = this;
    if (!agent) return;
    this.history.take(event, agent);
    this.ringer.take(event, agent);
    this.follow(event, agent);
    switch (event.type) {
      case "agent.state":
        if (event.data.agent.id === agent) this.until = event.data.until;
        break;
      case "call.ended":
        this.asked.delete(event.data.call.id);
        this.sounding.delete(event.data.call.id);
        break;
      case "screen.pop":
        if (event.data.pop.agent === agent) void this.pops.arrive(event.data.pop, event.data.call);
        break;
      default:
    }
  }
}

/** How long a call has waited in all, or waits. */
export function waitedMs(call: Call): number | undefined {
  if (!call.queued_at) return undefined;
  return (call.answered_at ? Date.parse(call.answered_at) : now()) - Date.parse(call.queued_at);
}

