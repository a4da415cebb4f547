// The stream of events with proof that none is missing: every event names the one before it (`prev`), and after a
// lost connection the stream goes on from the last event that was seen.

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 15_000;
/** The server pings every 20 s; a browser hides that, so a dead connection shows in the absence of a close only. */
const CONNECT_TIMEOUT_MS = 10_000;
/** The session has expired: another one is made, and the stream goes on. */
const EXPIRED = 4003;

/**
 * @param api where session tokens come from
 * @param {string} after the sequence to go on from
 * @param on `event(event)`, `snapshot(snapshot)`, `link("up" | "down")`, `refused(error)` when signing in again is needed
 */
export function follow(api, after, on) {
  let cursor = after;
  let pause = FIRST_PAUSE_MS;
  let socket;
  let timer;
  let over = false;

  const later = () => {
    on.link("down");
    if (over) return;
    // Spread, so that a restarted server is not met by every page in the same instant.
    timer = setTimeout(connect, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };

  const take = (event) => {
    switch (event.type) {
      case "stream.hello":
        cursor = event.data.sequence;
        pause = FIRST_PAUSE_MS;
        on.link("up");
        return true;
      case "stream.gap":
        cursor = event.data.to;
        return true;
      case "stream.snapshot":
        on.snapshot(event.data);
        return true;
      case "stream.degraded":
      case "stream.restored":
        // Beside the chain: the daemon says that events wait, or go on.
        return true;
      default:
        if (event.prev !== cursor) return false;
        cursor = event.sequence;
        on.event(event);
        return true;
    }
  };

  const connect = async () => {
    let session;
    try {
      session = await api.session();
    } catch (error) {
      if (error.status === 401 || error.status === 403) return on.refused(error);
      return later();
    }
    if (over) return;
    const url = new URL("/v1/events", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("after", cursor);
    url.searchParams.set("access_token", session.access_token);
    const mine = new WebSocket(url);
    socket = mine;
    const slow = setTimeout(() => mine.close(), CONNECT_TIMEOUT_MS);
    mine.onopen = () => clearTimeout(slow);
    mine.onmessage = ({ data }) => {
      // An event that does not follow the last one: come again from the last that did.
      if (mine === socket && !take(JSON.parse(data))) mine.close();
    };
    mine.onclose = ({ code }) => {
      clearTimeout(slow);
      if (mine !== socket) return;
      if (code === EXPIRED && !over) connect();
      else later();
    };
  };

  connect();
  return {
    stop() {
      over = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
