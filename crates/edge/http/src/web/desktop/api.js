// Requests to Hookswitch in the name of one token. The token is kept in this tab only.

const KEPT = "hookswitch.token";

/** An answer that was not what was asked for; `problem` is the RFC 9457 object, if one came. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `answer ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The token of the address (`#token=…`, taken out of it at once) or of an earlier visit of this tab. */
export function keptToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given) {
    sessionStorage.setItem(KEPT, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT);
}

export const keepToken = (token) => sessionStorage.setItem(KEPT, token);
export const forgetToken = () => sessionStorage.removeItem(KEPT);

export class Api {
  constructor(token) {
    this.token = token;
  }

  async ask(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["Idempotency-Key"] = crypto.randomUUID?.() ?? String(Math.random());
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
    const text = await answer.text();
    let value;
    try { value = JSON.parse(text); } catch { value = undefined; }
    if (!answer.ok) throw new Refused(answer.status, value);
    return value;
  }

  get = (path) => this.ask("GET", path);
  post = (path, body = {}) => this.ask("POST", path, body);
  put = (path, body) => this.ask("PUT", path, body);

  /** Who the token belongs to, and a short-lived token for the WebSocket. */
  session = () => this.post("/v1/session");
}
