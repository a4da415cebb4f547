// The parts of the page, drawn from the board.

import { callsOf } from "./board.js";
import { draw, el, tree } from "./dom.js";
import { AGENT_STATES, CALL_STATES, REASONS, caller, clock, sentence, span } from "./words.js";

/** A time that counts up by itself; `tick` keeps it going. */
const counting = (since, props = {}) =>
  el("span", { className: "figure", "data-since": since, ...props }, span(Date.now() - Date.parse(since)));

/** Once a second: every counting time on the page. */
export function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    node.textContent = span(Date.now() - Date.parse(node.dataset.since));
  }
}

const tone = (words, state) => words[state] ?? [state, "off"];

/** The agent's own state, and the buttons that ask for another. */
export function drawMe(node, agent, notice, ask) {
  draw(node, [agent, notice], () => {
    if (!agent) return el("p", { className: "muted" }, "This agent is not in the configuration.");
    const [text, colour] = tone(AGENT_STATES, agent.state);
    const button = (state, label) => {
      const node = el("button", { type: "button", "data-key": state, "aria-pressed": String(agent.state === state) }, label);
      node.onclick = () => ask(state, state === "not_ready" ? reason.value : undefined);
      return node;
    };
    const reason = el("select", { "aria-label": "Reason", "data-key": "reason" },
      REASONS.map((word) => el("option", { selected: word === agent.reason }, word)));
    const devices = agent.devices.map(({ address, state }) =>
      el("li", { className: "row" }, el("span", {}, address), el("span", { className: "muted push" }, state.replaceAll("_", " "))));
    return [
      el("h2", {}, agent.name),
      el("p", { className: "state", "data-tone": colour }, text, counting(agent.since)),
      agent.reason && el("p", { className: "muted" }, agent.reason.replaceAll("_", " ")),
      agent.next && el("p", {}, `Then: ${tone(AGENT_STATES, agent.next.state)[0]}`),
      el("div", { className: "choices" },
        button("ready", "Ready"), button("not_ready", "Not ready"), button("logged_out", "Log out"), reason),
      notice && el("p", { className: "notice", role: "alert" }, notice),
      el("ul", { className: "devices" }, devices),
    ];
  });
}

/** The calls of one agent. */
export function drawCalls(node, board, agent, whys, actions) {
  const calls = callsOf(board, agent);
  const shown = calls.map(({ id }) => [
    board.calls.get(id), board.offers.get(id), board.pops.get(id), board.ledgers.get(id),
    board.timelines.get(id)?.length, whys.get(id),
  ]);
  draw(node, shown, () =>
    calls.length
      ? calls.map((call) => callCard(board, call, whys.get(call.id), actions))
      : el("div", { className: "card empty" }, "No call. The next one shows here."));
}

function callCard(board, call, why, actions) {
  const [text, colour] = tone(CALL_STATES, call.state);
  const ledger = board.ledgers.get(call.id);
  const pop = board.pops.get(call.id);
  const other = call.direction === "outbound" ? call.dnis : call.ani;
  const dismiss = ledger && el("button", { className: "quiet push", type: "button" }, "Dismiss");
  if (dismiss) dismiss.onclick = () => actions.dismiss(call.id);
  const show = pop?.url && el("button", { type: "button", "data-key": `pop-${call.id}` }, "Show customer");
  if (show) show.onclick = () => actions.pop(pop, caller(other));
  return el("article", { className: "card call", "data-state": call.state },
    el("div", { className: "row" },
      el("span", { className: "dot", "data-tone": colour }, text),
      call.state !== "ended" && counting(call.answered_at ?? call.started_at),
      el("span", { className: "muted" }, call.direction), dismiss),
    el("p", { className: "number" }, caller(other)),
    call.ani.name && el("p", {}, call.ani.name),
    facts(call, board.offers.get(call.id), ledger),
    show,
    details("timeline", call.id, "What happened",
      el("ol", { className: "timeline" }, (board.timelines.get(call.id) ?? []).map((event) =>
        el("li", {}, el("time", { datetime: event.time }, clock(event.time)), el("span", {}, sentence(event)))))),
    why && details("why", call.id, "Why me", tree(why)));
}

function facts(call, offer, ledger) {
  const waited = ledger ? span(ledger.wait_ms)
    : call.queued_at ? call.answered_at ? span(Date.parse(call.answered_at) - Date.parse(call.queued_at)) : counting(call.queued_at)
    : null;
  const rows = [
    ["Queue", call.queue], ["Dialled", call.dnis.raw], ["Waited", waited], ["Rule", call.rule],
    ["Priority", call.priority || null], ["Attempt", offer?.attempt > 1 ? String(offer.attempt) : null],
    ["Forwarded by", call.via?.e164 ?? call.via?.raw],
    ["Talked", ledger && span(ledger.talk_ms)], ["Held", ledger?.hold_ms ? span(ledger.hold_ms) : null],
    ["Outcome", ledger?.disposition], ...Object.entries(call.data),
  ];
  return el("dl", { className: "facts" }, rows.filter(([, value]) => value).map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "number" ? String(value) : value))));
}

function details(kind, id, title, content) {
  return el("details", { "data-key": `${kind}-${id}`, open: kind === "timeline" }, el("summary", {}, title), content);
}

/** Agents, queues and calls of everybody, for those who may see them. */
export function drawOverview(node, board) {
  const agents = [...board.agents.values()];
  const queues = [...board.queues.values()];
  const calls = [...board.calls.values()].filter((call) => call.state !== "ended");
  draw(node, [agents, queues, calls], () => [
    table("Queues", ["Queue", "Waiting", "Longest", "Ready", "Talking", "Service", "Left"], queues.map((queue) => [
      queue.id, queue.waiting, span(queue.longest_wait_s * 1000), queue.ready, queue.talking,
      queue.service_level === null ? "–" : `${Math.round(queue.service_level * 100)} %`, queue.abandoned,
    ])),
    table("Agents", ["Agent", "State", "Since", "Reason", "Calls"], agents.map((agent) => {
      const [text, colour] = tone(AGENT_STATES, agent.state);
      return [agent.name, el("span", { className: "dot", "data-tone": colour }, text), counting(agent.since),
        agent.reason?.replaceAll("_", " ") ?? "", agent.calls.length];
    })),
    table("Calls", ["From", "To", "State", "Queue", "Agent", "Since"], calls.map((call) => {
      const [text, colour] = tone(CALL_STATES, call.state);
      const who = call.legs.filter((leg) => leg.agent && leg.state !== "left").map((leg) => leg.agent);
      return [caller(call.ani), call.dnis.raw, el("span", { className: "dot", "data-tone": colour }, text),
        call.queue ?? "", who.join(", "), counting(call.started_at)];
    })),
  ]);
}

function table(title, heads, rows) {
  const side = (value) => (typeof value === "number" ? "right" : "");
  const head = (text, place) => el("th", { scope: "col", className: side(rows[0][place]) }, text);
  const cell = (value) => el("td", { className: side(value) }, typeof value === "number" ? String(value) : value);
  const content = rows.length
    ? el("table", {},
      el("thead", {}, el("tr", {}, heads.map(head))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell)))))
    : el("p", { className: "muted" }, "none");
  return el("section", { className: "card" }, el("h2", {}, `${title} (${rows.length})`), el("div", { className: "wide" }, content));
}
