import type { Told } from "./told.js";

/** What a window that frames the element may ask for; `hookswitch` is the version of these messages. */
type Wish = { hookswitch: 1 } & ({ type: "dial"; number: string; data?: Record<string, string> } | { type: "hangup"; call: string });

/** What the bridge needs of the element. */
export interface Framed {
  dial(number: string, data?: Record<string, string>): Promise<unknown>;
  hangup(call: string): Promise<unknown>;
}

/**
 * Between the element in a frame and the window around it: tells what happens, and dials when it is asked to. Only the
 * one window at the one origin is heard, and nothing is sent to any other.
 */
export class Bridge {
  constructor(
    private readonly phone: Framed,
    private readonly around: Window,
    /** Exactly, as `https://crm.example.com`. */
    private readonly origin: string,
  ) {
    if (new URL(origin).origin !== origin) throw new Error(`${origin} is no origin: scheme, host and port, nothing else`);
    addEventListener("message", this.hear);
  }

  tell(told: Told): void {
    this.around.postMessage({ hookswitch: 1, ...told }, this.origin);
  }

  stop(): void {
    removeEventListener("message", this.hear);
  }

  private readonly hear = ({ data, origin, source }: MessageEvent): void => {
    if (origin !== this.origin || source !== this.around || !isWish(data)) return;
    if (data.type === "dial") void this.phone.dial(data.number, data.data);
    else void this.phone.hangup(data.call);
  };
}

function isWish(data: unknown): data is Wish {
  if (typeof data !== "object" || data === null) return false;
  const { hookswitch, type, number, call } = data as Record<string, unknown>;
  return hookswitch === 1 && ((type === "dial" && typeof number === "string") || (type === "hangup" && typeof call === "string"));
}
