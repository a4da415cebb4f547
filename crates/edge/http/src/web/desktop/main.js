// The agent's page: signs in, follows the events, draws.

import { Api, forgetToken, keepToken, keptToken } from "./api.js";
import { forget, newBoard, startFrom, take } from "./board.js";
import { Pops } from "./pops.js";
import { follow } from "./stream.js";
import { drawCalls, drawMe, drawOverview, tick } from "./view.js";
import { caller } from "./words.js";

const $ = (id) => document.getElementById(id);

function signedOut(why) {
  forgetToken();
  $("desk").hidden = true;
  $("sign-out").hidden = true;
  $("sign-in").hidden = false;
  if (why) $("sign-in-why").textContent = why;
  showLink("off", "signed out");
  $("token").focus();
}

function showLink(tone, text) {
  $("link").dataset.tone = tone;
  $("link").textContent = text;
}

async function start(token) {
  const api = new Api(token);
  showLink("off", "connecting");
  let session;
  let snapshot;
  try {
    [session, snapshot] = await Promise.all([api.session(), api.get("/v1/snapshot")]);
  } catch (error) {
    if (error.status === 401 || error.status === 403) return signedOut(error.message);
    // The daemon is away: it comes back, and so do we.
    showLink("bad", "cannot connect");
    setTimeout(() => start(token), 3_000);
    return;
  }
  run(api, session, snapshot);
}

function run(api, session, snapshot) {
  const me = session.agent;
  const sees = session.role !== "agent";
  const board = newBoard();
  const whys = new Map();
  const pops = new Pops(api, $("pop"));
  let notice = "";
  let waiting = false;

  const draw = () => {
    waiting = false;
    if (me) {
      drawMe($("me"), board.agents.get(me), notice, askState);
      drawCalls($("calls"), board, me, whys, {
        dismiss: (id) => { forget(board, id); redraw(); },
        pop: (pop, title) => pops.again(pop, title),
      });
    }
    if (sees) drawOverview($("overview"), board);
    // An agent is not told of links, so an old snapshot must not speak for them.
    const links = sees ? [...board.links.values()] : [];
    const down = links.filter((link) => link.state === "down").map((link) => link.pbx);
    if ($("link").dataset.live) showLink(down.length ? "bad" : "good", down.length ? `PBX ${down.join(", ")} away` : "live");
  };
  // However many events come at once, the page is drawn once a frame.
  const redraw = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };

  const askState = async (state, reason) => {
    notice = "";
    try {
      await api.put(`/v1/agents/${encodeURIComponent(me)}/state`, { state, reason });
    } catch (error) {
      const allowed = error.problem?.allowed;
      notice = error.message + (allowed?.length ? ` Possible now: ${allowed.join(", ")}.` : "");
    }
    redraw();
  };

  const learnWhy = async (id) => {
    try {
      whys.set(id, await api.get(`/v1/calls/${id}/why`));
      redraw();
    } catch { /* The call shows without it. */ }
  };

  startFrom(board, snapshot);
  for (const agent of board.agents.values()) if (agent.id === me) agent.calls.forEach(learnWhy);
  const stream = follow(api, snapshot.sequence, {
    event(event) {
      take(board, event);
      const { type, data } = event;
      if (type === "call.offered" && data.offer.agent === me) learnWhy(data.call.id);
      if (type === "screen.pop" && data.pop.agent === me) pops.arrive(data.pop, caller(data.call.ani));
      redraw();
    },
    snapshot(fresh) {
      startFrom(board, fresh);
      redraw();
    },
    link(state) {
      if (state === "up") $("link").dataset.live = "yes";
      else {
        delete $("link").dataset.live;
        showLink("bad", "reconnecting");
      }
      redraw();
    },
    refused: (error) => signedOut(error.message),
  });

  $("who").textContent = me ? `${board.agents.get(me)?.name ?? me} · ${session.role}` : `${session.name} · ${session.role}`;
  $("sign-in").hidden = true;
  $("desk").hidden = false;
  $("desk").classList.toggle("no-agent", !me);
  $("me").hidden = !me;
  $("calls").hidden = !me;
  $("overview").hidden = !sees;
  $("sign-out").hidden = false;
  $("sign-out").onclick = () => {
    stream.stop();
    forgetToken();
    location.reload();
  };
  redraw();
}

$("sign-in").onsubmit = (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  keepToken(token);
  start(token);
};
setInterval(tick, 1_000);
// A second `#token=…` in the address signs in anew.
addEventListener("hashchange", () => { if (location.hash.includes("token=")) location.reload(); });

const token = keptToken();
if (token) start(token);
else signedOut();
