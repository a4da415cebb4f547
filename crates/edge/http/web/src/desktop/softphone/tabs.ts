// Of all tabs of an agent in one browser one is the telephone. The browser's own lock says which: it is free again the
// moment its tab is closed, has crashed or gives it up, and the tab that has waited longest is next.

/** What tabs tell one another. */
type Said =
  /** The telephone's tab: what it does now. */
  | { say: "here"; call: "ringing" | "talking" | null }
  /** Somebody who came later asks for that. */
  | { say: "who" }
  /** The button that answers was pressed in another tab. */
  | { say: "answer" }
  /** Another tab wants to be the telephone. */
  | { say: "give"; to: string }
  | { say: "given"; to: string; yes: boolean };

export interface Tab {
  /** This tab is the telephone from now on. */
  ours(): void;
  /** Another tab is. */
  elsewhere(): void;
  /** What the telephone's tab does, when it is another. */
  told(call: "ringing" | "talking" | null): void;
  answer(): void;
  /** Makes the line free for another tab; answers false when it is not: there is a conversation. */
  give(): boolean;
}

const HURRY_MS = 2_000;

export class Tabs {
  private readonly channel: BroadcastChannel;
  private readonly id = crypto.randomUUID();
  private release: (() => void) | undefined;
  private waiting: AbortController | undefined;
  private doing: "ringing" | "talking" | null = null;
  private closed = false;

  constructor(
    private readonly name: string,
    private readonly tab: Tab,
  ) {
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }: MessageEvent<Said>) => this.hear(data);
  }

  get ours(): boolean {
    return this.release !== undefined;
  }

  /** Becomes the telephone if no other tab is, else waits for that. */
  async claim(): Promise<void> {
    if (this.ours || this.waiting) return;
    const free = !(await navigator.locks.query()).held?.some((lock) => lock.name === this.name);
    if (this.closed || this.ours || this.waiting) return;
    if (!free) this.elsewhere();
    this.wait({});
  }

  /** Becomes it, though another tab is: asks that one first. Answers false when it talks. */
  async take(): Promise<boolean> {
    if (this.ours) return true;
    const answer = new Promise<boolean>((done) => {
      const heard = ({ data }: MessageEvent<Said>) => {
        if (data.say !== "given" || data.to !== this.id) return;
        this.channel.removeEventListener("message", heard);
        done(data.yes);
      };
      this.channel.addEventListener("message", heard);
      // A tab that does not answer is stuck, and no telephone.
      setTimeout(() => done(true), HURRY_MS);
    });
    this.say({ say: "give", to: this.id });
    if (!(await answer) || this.closed) return false;
    this.waiting?.abort();
    this.waiting = undefined;
    this.wait({ steal: true });
    return true;
  }

  /** Tells the other tabs what the telephone does. */
  tell(call: "ringing" | "talking" | null): void {
    this.doing = call;
    if (this.ours) this.say({ say: "here", call });
  }

  askToAnswer(): void {
    this.say({ say: "answer" });
  }

  /** Is the telephone no more, and waits no more to be. */
  leave(): void {
    this.waiting?.abort();
    this.waiting = undefined;
    if (this.ours) this.say({ say: "here", call: null });
    this.release?.();
    this.release = undefined;
  }

  close(): void {
    this.leave();
    this.closed = true;
    this.channel.close();
  }

  private wait(how: { steal?: boolean }): void {
    const waiting = new AbortController();
    this.waiting = waiting;
    const held = (): Promise<void> | undefined => {
      if (this.waiting !== waiting) return undefined;
      this.waiting = undefined;
      return new Promise<void>((release) => {
        this.release = release;
        this.tab.ours();
        this.tell(this.doing);
      });
    };
    const options: LockOptions = how.steal ? { steal: true } : { signal: waiting.signal };
    navigator.locks.request(this.name, options, held).catch(() => {
      // Taken away by another tab, or not waited for any longer.
      if (waiting.signal.aborted || this.closed) return;
      this.release = undefined;
      this.elsewhere();
      this.wait({});
    });
  }

  private elsewhere(): void {
    this.tab.elsewhere();
    this.say({ say: "who" });
  }

  private hear(said: Said): void {
    switch (said.say) {
      case "here":
        if (!this.ours) this.tab.told(said.call);
        break;
      case "who":
        if (this.ours) this.say({ say: "here", call: this.doing });
        break;
      case "answer":
        if (this.ours) this.tab.answer();
        break;
      case "give":
        if (this.ours) this.say({ say: "given", to: said.to, yes: this.tab.give() });
        break;
      case "given":
        break;
    }
  }

  private say(said: Said): void {
    if (!this.closed) this.channel.postMessage(said);
  }
}
