import type { Problem, Session } from "./contract.js";

/** An answer that was not what was asked for. `problem` is the RFC 9457 object; `problem.allowed` says what is legal now. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
  ) {
    super(problem?.detail ?? problem?.title ?? `answer ${status}`);
  }
}

/** Requests in the name of one token. */
export class Api {
  readonly base: URL;

  constructor(
    url: string | URL,
    private readonly token: string,
  ) {
    this.base = new URL(url);
  }

  /** The address of a path. */
  at(path: string): URL {
    // A prefix of a proxy stays: "https://crm/cti/" + "/v1/calls".
    return new URL(this.base.href.replace(/\/$/, "") + path);
  }

  headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.token}` };
  }

  /**
   * Sends a request; what changes something may be repeated without harm, because it carries a key. A `Blob` (a file)
   * goes as it is, under its own type; anything else as JSON.
   */
  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = this.headers();
    const isFile = body instanceof Blob;
    if (body !== undefined) headers["Content-Type"] = isFile ? body.type || "application/octet-stream" : "application/json";
    if (method !== "GET") headers["Idempotency-Key"] = crypto.randomUUID();
    const init: RequestInit = { method, headers, cache: "no-store", credentials: "omit" };
    if (body !== undefined) init.body = isFile ? body : JSON.stringify(body);
    const answer = await fetch(this.at(path), init);
    const text = await answer.text();
    const value: unknown = parsed(text);
    if (!answer.ok) throw new Refused(answer.status, value as Problem | undefined);
    return value as T;
  }

  /** Who the token belongs to, and a short-lived token for where no header can be sent. */
  session(): Promise<Session> {
    return this.ask("POST", "/v1/session", {});
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
