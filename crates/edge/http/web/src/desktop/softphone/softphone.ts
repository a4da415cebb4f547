import type { Agent, Call, Softphone as Account } from "../../../sdk/hookswitch.js";
import type { Store } from "../../shared/store.js";
import { legOf } from "../../shared/telephony.js";
import { Line } from "./sip.js";
import { Bell, Voice, openMicrophone, permission, shut, usable } from "./sound.js";
import { type Known, type State, UNKNOWN, lost, refused, state, step } from "./states.js";
import { Tabs } from "./tabs.js";
import { words } from "./words/index.js";

type Device = Agent["devices"][number]["state"];

const WISH = "hookswitch.softphone";
const TYPED = "hookswitch.softphone.password";
const LEFT = "hookswitch.softphone.left";
/** After a click to dial the own phone rings; it is answered for who clicked, within this time. */
const DIALLED_MS = 30_000;
/** How long a call may be gone from the board before a phone that was cut off believes it. */
const OVER_MS = 5_000;

/** Whether the agent wants this browser to be a telephone: yes, until it is turned off. */
export const wishes = (): boolean => localStorage.getItem(WISH) !== "off";

/**
 * The telephone in this browser: gets the agent's account, becomes the one tab that is the phone, registers at the PBX,
 * rings, talks. What is shown and done next is decided in `states.ts`; this does it.
 */
export class Softphone {
  private known: Known = { ...UNKNOWN, wished: wishes() };
  private line: Line | undefined;
  private tabs: Tabs | undefined;
  private call: "ringing" | "talking" | null = null;
  /** What the tab that is the telephone does, when that is another one. */
  private other: "ringing" | "talking" | null = null;
  private stream: MediaStream | undefined;
  private readonly voice = new Voice();
  private readonly bell = new Bell();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private checking = false;
  private closed = false;
  private dialled: { call: string | null; at: number } | undefined;
  private over: number | undefined;
  private readonly offs: (() => void)[] = [];

  /** What the key of this phone does in a call, to be shown beside it. */
  get muteLabel(): string {
    return words().mute;
  }

  /** The other side does not hear the agent. */
  muted = false;
  /** The browser lets no sound out before the agent has pressed something. */
  blocked = false;
  /** The voice has found no way. */
  silent = false;
  /** Tells the agent something at once. */
  onTrouble: (sentence: string) => void = () => {};

  constructor(
    private readonly store: Store,
    private readonly account: Account,
  ) {
    this.known.password = this.password !== null;
    if (typeof BroadcastChannel === "function" && navigator.locks) this.tabs = this.among(`hookswitch.softphone ${account.uri} ${account.url}`);
    // A page that came in the clear has neither locks nor microphone.
    else this.known.microphone = "insecure";
    const on = (target: EventTarget, type: string, does: (event: Event) => void) => {
      target.addEventListener(type, does);
      this.offs.push(() => target.removeEventListener(type, does));
    };
    on(window, "beforeunload", (event) => this.call === "talking" && event.preventDefault());
    on(window, "pagehide", () => this.leave());
    on(window, "online", () => this.tryNow());
    if (navigator.mediaDevices) on(navigator.mediaDevices, "devicechange", () => this.plugged());
    void permission().then((status) => status && !this.closed && on(status, "change", () => this.recheck()));
    this.offs.push(store.follow(() => this.look()));
    if (sessionStorage.getItem(LEFT)) {
      sessionStorage.removeItem(LEFT);
      setTimeout(() => this.onTrouble(words().troubles["left-in-call"]));
    }
    this.drive();
  }

  get state(): State {
    return state(this.known);
  }

  /** When a lost line is tried again, on the clock of the page (`Date.now`). */
  get again(): number | undefined {
    return this.known.link.is === "lost" ? this.known.link.again : undefined;
  }

  get wished(): boolean {
    return this.known.wished;
  }

  /** The device of the agent that this is: as the PBX calls it. */
  get device(): string {
    return this.account.device;
  }

  /** What a device of the agent is, as well as it is known: of this one the browser knows it before the daemon tells. */
  shows(address: string, told: Device): Device {
    if (address !== this.device || this.state === "elsewhere") return told;
    if (this.state !== "registered") return "unavailable";
    return told === "unavailable" || told === "unknown" ? "idle" : told;
  }

  /** A call of this tab. */
  get here(): "ringing" | "talking" | null {
    return this.call;
  }

  /** A call of another tab. */
  get elsewhere(): "ringing" | "talking" | null {
    return this.known.tab === "elsewhere" ? this.other : null;
  }

  /** What the microphone hears now, while a call is talking. */
  get hears(): MediaStream | undefined {
    return this.stream;
  }

  wish(on: boolean): void {
    if (on) localStorage.removeItem(WISH);
    else localStorage.setItem(WISH, "off");
    this.learn({ wished: on });
  }

  /** The agent typed the password: kept in this tab, as the token is. */
  type(password: string): void {
    sessionStorage.setItem(TYPED, password);
    this.learn({ password: true, link: { is: "closed" } });
  }

  /** Whether the PBX refused a password that the agent typed. */
  get typedWrong(): boolean {
    return this.state === "denied" && this.account.password === null;
  }

  /** Becomes the phone instead of another tab; answers false when that one talks. */
  async take(): Promise<boolean> {
    return (await this.tabs?.take()) ?? false;
  }

  /** Tries what did not go: the line, the microphone. */
  tryNow(): void {
    const { link } = this.known;
    if (link.is === "lost") this.learn({ link: { ...link, again: 0 } });
    else if (link.is === "denied") this.learn({ link: { is: "closed" } });
    else if (link.is === "registered") void this.line?.again();
    this.recheck();
  }

  /** Whether this call rings at the telephone, be it in this tab or in another. */
  rings(call: Call): boolean {
    if ((this.call ?? this.elsewhere) !== "ringing") return false;
    return this.leg(call)?.state === "ringing";
  }

  /** Whether the agent talks by this tab in this call. */
  talks(call: Call): boolean {
    return this.call === "talking" && this.leg(call)?.state === "connected";
  }

  answer(): void {
    if (this.call === null) return this.tabs?.askToAnswer();
    this.bell.stop();
    this.line?.answer().catch(() => {
      // Without a microphone or a way for the voice the call goes on to others.
      this.line?.hangUp();
      this.onTrouble(words().troubles["answer-failed"]);
    });
  }

  hangUp(): void {
    this.line?.hangUp();
  }

  mute(on: boolean): void {
    this.muted = on;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !on;
    this.store.changed();
  }

  /** Presses keys as a telephone does; answers false when there is no conversation to press them into. */
  tones(digits: string): boolean {
    return this.line?.tones(digits) ?? false;
  }

  /** A call that the agent asks for from this page rings here first; who clicked has said yes to it. */
  async dials<T extends { call?: string | null }>(asked: Promise<T | undefined>): Promise<T | undefined> {
    const mine = { call: null as string | null, at: performance.now() };
    this.dialled = mine;
    const begun = await asked;
    mine.call = begun?.call ?? null;
    if (!mine.call && this.dialled === mine) this.dialled = undefined;
    this.look();
    return begun;
  }

  /** Another microphone or loudspeaker was chosen. */
  async moved(): Promise<void> {
    await this.voice.move();
    if (this.call === "talking") await this.speakAnew();
  }

  /** Once, where it rings. */
  strike(): void {
    void this.bell.strike();
  }

  /** The browser let no sound out; now the agent has pressed something. */
  unblock(): void {
    const { heard } = this;
    if (heard) void this.hear(heard);
  }

  figures(): Promise<{ sent: number; received: number; level: number }> | undefined {
    return this.line?.figures();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.rest();
    for (const off of this.offs) off();
    this.tabs?.close();
    sessionStorage.removeItem(TYPED);
  }

  private get password(): string | null {
    return this.account.password ?? sessionStorage.getItem(TYPED);
  }

  private leg(call: Call): ReturnType<typeof legOf> {
    return this.store.agent ? legOf(call, this.store.agent) : undefined;
  }

  private learn(news: Partial<Known>): void {
    this.known = { ...this.known, ...news };
    this.drive();
    this.store.changed();
  }

  /** Does the next step. */
  private drive(): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    const { link } = this.known;
    switch (step(this.known, Date.now())) {
      case "rest":
        this.rest();
        break;
      case "claim":
        void this.tabs?.claim();
        break;
      case "microphone":
        void this.check();
        break;
      case "open":
        this.open();
        break;
      case "wait":
        if (link.is === "lost") this.timer = setTimeout(() => this.drive(), Math.max(0, link.again - Date.now()));
        break;
    }
  }

  private rest(): void {
    this.line?.close();
    this.line = undefined;
    this.quiet();
    if (this.known.link.is !== "closed" && this.known.link.is !== "denied") this.known.link = { is: "closed" };
    if (!this.known.wished && this.known.tab !== "asking") {
      this.tabs?.leave();
      this.known.tab = "asking";
    }
  }

  private async check(): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    const microphone = await usable();
    this.checking = false;
    if (!this.closed) this.learn({ microphone });
  }

  private recheck(): void {
    if (["refused", "missing"].includes(this.known.microphone)) this.learn({ microphone: "unknown" });
    else if (this.known.microphone === "ready" && this.call === null) void this.check();
  }

  private open(): void {
    const before = this.known.link;
    const { password } = this;
    if (password === null) return;
    this.known.link = { is: "opening" };
    const fails = (link: Known["link"]) => {
      // A line that was denied begins anew, with another password.
      if (link.is === "denied") {
        this.line?.close();
        this.line = undefined;
      }
      this.learn({ link });
    };
    if (this.line) {
      this.failed = before;
      return void this.line.again();
    }
    this.failed = before;
    const { url, uri, username, stun } = this.account;
    const line: Line = new Line({ url, uri, username, password, stun }, () => this.speak(), {
      registered: () => this.line === line && this.learn({ link: { is: "registered" } }),
      refused: (status) => this.line === line && fails(refused(this.failed, status, Date.now(), Math.random())),
      lost: () => this.line === line && fails(lost(this.failed, Date.now(), Math.random())),
      call: (call) => this.line === line && this.turns(call),
      hears: (stream) => this.line === line && void this.hear(stream),
      silent: (is) => this.line === line && this.quieten(is),
    });
    this.line = line;
    void line.open();
  }

  /** What the line was before it was tried: so that each loss in a row waits longer. */
  private failed: Known["link"] = { is: "closed" };
  private heard: MediaStream | undefined;

  private async speak(): Promise<MediaStream> {
    shut(this.stream);
    const stream = await openMicrophone();
    this.stream = stream;
    this.muted = false;
    for (const track of stream.getAudioTracks()) track.addEventListener("ended", () => this.stream === stream && this.unplugged());
    return stream;
  }

  /** The microphone was pulled out in the middle of a call: the next best takes its place. */
  private unplugged(): void {
    if (this.call !== "talking") return;
    void this.speakAnew().then((found) => this.onTrouble(words().troubles[found ? "other-microphone" : "no-microphone"]));
  }

  private async speakAnew(): Promise<boolean> {
    const { muted } = this;
    const before = this.stream;
    try {
      const stream = await this.speak();
      this.mute(muted);
      await this.line?.speakBy(stream);
      return true;
    } catch {
      this.stream = before;
      return false;
    } finally {
      this.store.changed();
    }
  }

  private plugged(): void {
    void this.voice.move();
    // Who had no microphone may have one now.
    if (this.call === "talking" && this.stream?.getAudioTracks().every((track) => track.readyState === "ended")) this.unplugged();
    this.recheck();
    this.store.changed();
  }

  private async hear(stream: MediaStream): Promise<void> {
    this.heard = stream;
    this.blocked = !(await this.voice.play(stream));
    this.store.changed();
  }

  private quieten(is: boolean): void {
    this.silent = is;
    this.store.changed();
  }

  /** The call rings, talks or is over. */
  private turns(call: "ringing" | "talking" | null): void {
    this.call = call;
    this.tabs?.tell(call);
    if (call === "ringing") this.bell.ring();
    else this.bell.stop();
    if (call === null) this.quiet();
    this.look();
    this.store.changed();
  }

  /** Nothing is heard or said. */
  private quiet(): void {
    this.call = null;
    this.bell.stop();
    this.voice.stop();
    shut(this.stream);
    this.stream = undefined;
    this.heard = undefined;
    this.muted = false;
    this.blocked = false;
    this.silent = false;
    this.over = undefined;
  }

  /** Looks at what the daemon tells: the own dialled call is answered, and one whose end was not heard is ended. */
  private look(): void {
    const { agent } = this.store;
    if (!this.store.ready || !agent || this.closed) return;
    const calls = this.store.board.callsOf(agent);
    const { dialled } = this;
    if (dialled && performance.now() - dialled.at > DIALLED_MS) this.dialled = undefined;
    if (this.call === "ringing" && dialled?.call) {
      const ringing = calls.filter((call) => this.leg(call)?.state === "ringing");
      // Only the call that was asked for, and only while no other one rings that could be this one.
      if (ringing.length === 1 && ringing[0]?.id === dialled.call) {
        this.dialled = undefined;
        this.answer();
      }
    }
    const gone = this.line?.doubtful && this.store.connection === "live" && !calls.some((call) => this.leg(call));
    if (!gone) this.over = undefined;
    else if (this.over === undefined) {
      this.over = performance.now();
      setTimeout(() => this.look(), OVER_MS + 100);
    } else if (performance.now() - this.over > OVER_MS) this.line?.hangUp();
  }

  /** The page goes: the conversation ends with it, and the PBX hears so. */
  private leave(): void {
    if (this.call === "talking") sessionStorage.setItem(LEFT, "1");
    this.line?.close();
  }

  private among(name: string): Tabs {
    return new Tabs(name, {
      ours: () => this.learn({ tab: "ours" }),
      elsewhere: () => this.learn({ tab: "elsewhere" }),
      told: (call) => {
        this.other = call;
        this.store.changed();
      },
      answer: () => this.call === "ringing" && this.answer(),
      give: () => {
        if (this.call !== null) return false;
        this.learn({ tab: "elsewhere" });
        return true;
      },
    });
  }
}
