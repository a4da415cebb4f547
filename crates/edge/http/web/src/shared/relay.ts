/**
 * Sign-in from tab to tab. A `tel:` link opens a new tab that nobody has signed in; one that is signed in at the same
 * daemon hands it the token. Only pages of this origin hear each other.
 */
const CHANNEL = "hookswitch.sign-in";
const WAIT_MS = 400;

type Message = { ask: string } | { answer: string; token: string };

/** Answers tabs that ask, with what `token` says then. */
export function offerToken(token: () => string | null): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    const mine = token();
    if ("ask" in data && mine) channel.postMessage({ answer: data.ask, token: mine } satisfies Message);
  };
  return () => channel.close();
}

/** Asks the other tabs; null: none answered in time. */
export function askToken(): Promise<string | null> {
  const channel = new BroadcastChannel(CHANNEL);
  const ask = crypto.randomUUID();
  return new Promise<string | null>((done) => {
    const timer = setTimeout(() => done(null), WAIT_MS);
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if (!("answer" in data) || data.answer !== ask) return;
      clearTimeout(timer);
      done(data.token);
    };
    channel.postMessage({ ask } satisfies Message);
  }).finally(() => channel.close());
}
