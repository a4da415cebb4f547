// Reads server-sent events with `eventsource`, as a page does. Arguments: URL, token. Standard output: one line a
// message, {"id", "event"}, and {"opened": n} for each connection.
import { EventSource } from "eventsource";

const [url, token] = process.argv.slice(2);
let opened = 0;
const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
source.onopen = () => console.log(JSON.stringify({ opened: ++opened }));
source.onmessage = ({ lastEventId, data }) => console.log(JSON.stringify({ id: lastEventId, event: JSON.parse(data) }));
