// The telephone as the PBX sees it: SIP over WebSocket (RFC 7118) and WebRTC, by SIP.js. Everything of that library is here.

/*! SIP.js (https://sipjs.com), MIT License
 *
 * Copyright (c) 2020 Junction Networks
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */
import {
  type Invitation, Registerer, RegistererState, type Session, SessionState, UserAgent, Web,
} from "sip.js";

/** What it registers with. */
export interface Account {
  url: string;
  uri: string;
  username: string;
  password: string;
  stun: readonly string[];
}

export interface Listener {
  registered(): void;
  /** The PBX refused to take the phone, with this status. */
  refused(status: number): void;
  /** The wire to the PBX is gone, or it did not come about. */
  lost(): void;
  /** A call rings, talks, or is over (null). */
  call(call: "ringing" | "talking" | null): void;
  /** What the other side says. */
  hears(stream: MediaStream): void;
  /** The voice found no way, or lost it; `false`: it is there again. */
  silent(is: boolean): void;
}

/** Short: it is also how a wire is noticed that is dead without having said so. */
const EXPIRES_S = 120;
const WIRE_S = 10;
/** Below the minute after which proxies cut a wire on which nothing is said. */
const ALIVE_S = 25;
/** How long the browser looks for ways to itself before it answers with those it has. */
const WAYS_MS = 1_500;
/** The PBX decides how long it rings. */
const RINGS_AT_MOST_S = 3_600;
const TONE_MS = 100;
const TONE_GAP_MS = 70;
const BUSY_HERE = 486;
const GONE_FOR_NOW = 480;

/** One line, from its registration until it is closed. It has one call at a time: another is told that it is busy. */
export class Line {
  private readonly agent: UserAgent;
  private readonly registerer: Registerer;
  private session: Invitation | undefined;
  private closed = false;
  /** The PBX knows it. */
  private here = false;
  /** The wire was away since the call began: its end may not have been told. */
  private broken = false;

  constructor(
    account: Account,
    private readonly microphone: () => Promise<MediaStream>,
    private readonly listener: Listener,
  ) {
    const uri = UserAgent.makeURI(account.uri);
    if (!uri) throw new Error(`no SIP address: ${account.uri}`);
    this.agent = new UserAgent({
      uri,
      authorizationUsername: account.username,
      authorizationPassword: account.password,
      // Nothing of a call or a password ends up in the console.
      logBuiltinEnabled: false,
      logConfiguration: false,
      userAgentString: "Hookswitch desktop",
      noAnswerTimeout: RINGS_AT_MOST_S,
      transportOptions: { server: account.url, connectionTimeout: WIRE_S, keepAliveInterval: ALIVE_S, traceSip: false },
      sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(() => this.microphone()),
      sessionDescriptionHandlerFactoryOptions: {
        iceGatheringTimeout: WAYS_MS,
        peerConnectionConfiguration: { iceServers: account.stun.map((urls) => ({ urls })) },
      },
      delegate: {
        onDisconnect: () => this.gone(),
        onInvite: (invitation) => this.rings(invitation),
        onNotify: (notification) => void notification.accept().catch(() => {}),
      },
    });
    const { transport } = this.agent;
    const { onMessage } = transport;
    transport.onMessage = (message) => {
      this.overhear(message);
      onMessage?.(message);
    };
    this.registerer = new Registerer(this.agent, { expires: EXPIRES_S, refreshFrequency: 80 });
    this.registerer.stateChange.addListener((state) => {
      // A refresh that failed; the first one says itself why.
      if (state === RegistererState.Unregistered && this.here) this.gone();
    });
  }

  async open(): Promise<void> {
    try {
      await this.agent.start();
      await this.register();
    } catch {
      if (!this.closed) this.listener.lost();
    }
  }

  /** Connects again after a loss; a conversation has gone on meanwhile, its voice needs no wire to the PBX's signalling. */
  async again(): Promise<void> {
    try {
      await this.agent.reconnect();
      await this.register();
    } catch {
      if (!this.closed) this.listener.lost();
    }
  }

  private async register(): Promise<void> {
    await this.registerer.register({
      requestDelegate: {
        onAccept: () => {
          this.here = true;
          if (!this.closed) this.listener.registered();
        },
        onReject: ({ message }) => {
          if (!this.closed) this.listener.refused(message.statusCode ?? 0);
        },
      },
    });
  }

  /** Leaves the PBX, and ends the call if there is one. What is sent is on its way when this returns. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.hangUp();
    const wire = this.agent.isConnected();
    const left = wire && this.registerer.state === RegistererState.Registered ? this.registerer.unregister() : undefined;
    // The answer to it is waited for, as long as there is a wire.
    const stop = () => void this.agent.stop().catch(() => {});
    if (!left) return stop();
    const timer = setTimeout(stop, 2_000);
    this.registerer.stateChange.addListener((state) => {
      if (state !== RegistererState.Unregistered) return;
      clearTimeout(timer);
      stop();
    });
    left.catch(() => {});
  }

  /** Answers what rings. */
  async answer(): Promise<void> {
    const { session } = this;
    if (session?.state !== SessionState.Initial) return;
    await session.accept({ sessionDescriptionHandlerOptions: { constraints: { audio: true, video: false } } });
  }

  hangUp(): void {
    const { session } = this;
    switch (session?.state) {
      case SessionState.Initial:
        // Twice is once: who cancels at the same moment was first.
        return void session.reject({ statusCode: this.closed ? GONE_FOR_NOW : BUSY_HERE }).catch(() => {});
      case SessionState.Establishing:
        return void session.dispose().catch(() => {});
      case SessionState.Established:
        return void session.bye().catch(() => {});
      default:
    }
  }

  /** Whether the end of the call may have passed unheard. */
  get doubtful(): boolean {
    return this.broken && this.session !== undefined;
  }

  /** Tones behind those that are not sent yet, as RTP events (RFC 4733). */
  tones(digits: string): boolean {
    const keys = this.connection?.getSenders().find((sender) => sender.dtmf)?.dtmf;
    if (!keys?.canInsertDTMF) return false;
    keys.insertDTMF(keys.toneBuffer + digits, TONE_MS, TONE_GAP_MS);
    return true;
  }

  /** Another microphone in the middle of a call. */
  async speakBy(stream: MediaStream): Promise<void> {
    const [track] = stream.getAudioTracks();
    const sender = this.connection?.getSenders()[0];
    if (track && sender) await sender.replaceTrack(track);
  }

  /** What went both ways so far, for who asks whether there is a voice at all. */
  async figures(): Promise<{ sent: number; received: number; level: number }> {
    const figures = { sent: 0, received: 0, level: 0 };
    for (const one of (await this.connection?.getStats())?.values() ?? []) {
      if (one.type === "outbound-rtp") figures.sent += one.packetsSent ?? 0;
      if (one.type === "inbound-rtp") {
        figures.received += one.packetsReceived ?? 0;
        figures.level = Math.max(figures.level, one.audioLevel ?? 0);
      }
    }
    return figures;
  }

  private get connection(): RTCPeerConnection | undefined {
    const { session } = this;
    if (session?.state !== SessionState.Established && session?.state !== SessionState.Establishing) return undefined;
    return (session.sessionDescriptionHandler as Web.SessionDescriptionHandler | undefined)?.peerConnection;
  }

  private gone(): void {
    if (this.closed || !this.here) return;
    this.here = false;
    this.broken ||= this.session !== undefined;
    this.listener.lost();
  }

  private rings(invitation: Invitation): void {
    if (this.closed || this.session) return void invitation.reject({ statusCode: this.closed ? GONE_FOR_NOW : BUSY_HERE }).catch(() => {});
    this.session = invitation;
    this.broken = false;
    invitation.stateChange.addListener((state) => this.changed(invitation, state));
    this.listener.call("ringing");
  }

  /**
   * A PBX that has its phone answer says so by NOTIFY with `Event: talk`, in the dialog of the call that rings. SIP.js
   * drops what comes there before the answer.
   */
  private overhear(message: string): void {
    if (/^NOTIFY /.test(message) && /^(Event|o)\s*:\s*talk\s*$/im.test(message)) void this.answer().catch(() => this.hangUp());
  }

  private changed(session: Session, state: SessionState): void {
    if (session !== this.session) return;
    if (state === SessionState.Establishing) this.watch();
    if (state === SessionState.Established) {
      this.watch();
      this.listener.call("talking");
    }
    if (state === SessionState.Terminated) {
      this.session = undefined;
      this.listener.call(null);
    }
  }

  private readonly watched = new WeakSet<RTCPeerConnection>();

  /** Hands the other side's voice on, and says when it finds no way. */
  private watch(): void {
    const handler = this.session?.sessionDescriptionHandler as Web.SessionDescriptionHandler | undefined;
    const connection = handler?.peerConnection;
    if (!handler || !connection) return;
    this.listener.hears(handler.remoteMediaStream);
    if (this.watched.has(connection)) return;
    this.watched.add(connection);
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "failed" || connection.connectionState === "disconnected") {
        this.broken ||= connection.connectionState === "failed";
        this.listener.silent(true);
      }
      if (connection.connectionState === "connected") this.listener.silent(false);
    });
  }
}
