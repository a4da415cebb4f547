// Screen pops: of all tabs and devices of an agent exactly one shows each. Whoever claims it first wins.

import { el } from "./dom.js";

const MODE = "hookswitch.pop-mode";
const HIDDEN_TAB_WAITS_MS = 300;

/** This tab, for the claim: the same after a reload. */
function tabName() {
  let name = sessionStorage.getItem("hookswitch.tab");
  if (!name) {
    name = `desktop-${Math.random().toString(36).slice(2, 10)}`;
    sessionStorage.setItem("hookswitch.tab", name);
  }
  return name;
}

/** The address, if it is one a page may open: never `javascript:` or `data:`. */
function safe(url) {
  try {
    const parsed = new URL(url, location.href);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed : null;
  } catch {
    return null;
  }
}

export class Pops {
  constructor(api, section) {
    this.api = api;
    this.section = section;
    this.bar = section.querySelector("#pop-bar");
    this.frame = section.querySelector("#pop-frame");
    this.client = tabName();
  }

  get mode() {
    return localStorage.getItem(MODE) ?? "frame";
  }

  /** A pop came for the agent of this page. */
  async arrive(pop, title) {
    const url = pop.url && safe(pop.url);
    if (!url || Date.parse(pop.expires_at) < Date.now()) return;
    if (this.mode === "ask") return this.offer(pop, url, title, "");
    // The tab that is looked at goes first.
    if (document.hidden) await new Promise((done) => setTimeout(done, HIDDEN_TAB_WAITS_MS));
    try {
      await this.api.post(`/v1/pops/${pop.id}/claim`, { client: this.client });
    } catch (error) {
      const why = error.problem?.type?.endsWith("popped-elsewhere") ? "Shown in another tab or device." : error.message;
      return this.offer(pop, url, title, why);
    }
    if (this.mode === "window" && !this.openWindow(url)) {
      return this.offer(pop, url, title, "The browser blocked the window.");
    }
    this.offer(pop, url, title, "");
    if (this.mode === "frame") this.showFrame(url);
    this.shown(pop);
  }

  /** The agent asks for a pop again, however old it is and wherever it was shown. */
  again(pop, title) {
    const url = safe(pop.url);
    if (!url) return;
    this.offer(pop, url, title, "");
    if (this.mode === "window") this.openWindow(url);
    else this.showFrame(url);
  }

  /** The page in a window that is used again for the next pop; false when the browser did not let us. */
  openWindow(url) {
    const opened = window.open(url, "hookswitch-pop");
    if (opened) opened.opener = null;
    return Boolean(opened);
  }

  showFrame(url) {
    // A page of our own origin must not reach this page's token; a CRM needs its own origin for its own cookies.
    const own = url.origin === location.origin ? "" : " allow-same-origin";
    const frame = el("iframe", { title: "Screen pop", referrerPolicy: "no-referrer" });
    frame.setAttribute("sandbox", `allow-scripts allow-forms allow-popups${own}`);
    frame.src = url.href;
    this.frame.replaceChildren(frame);
  }

  offer(pop, url, title, why) {
    this.section.hidden = false;
    this.frame.replaceChildren();
    const link = el("a", { href: url.href, target: "hookswitch-pop", rel: "noreferrer" }, `Open ${url.host}`);
    link.onclick = () => this.shown(pop);
    const select = el("select", { "aria-label": "How screen pops open" },
      [["frame", "Show here"], ["window", "Open a window"], ["ask", "Wait for me"]].map(([value, text]) =>
        el("option", { value, selected: value === this.mode }, text)));
    select.onchange = () => localStorage.setItem(MODE, select.value);
    const close = el("button", { className: "quiet", type: "button" }, "Close");
    close.onclick = () => this.clear();
    this.bar.replaceChildren(el("h2", {}, `Screen pop · ${title}`), link,
      why ? el("span", { className: "notice" }, why) : "", el("span", { className: "push" }), select, close);
  }

  shown(pop) {
    this.api.post(`/v1/pops/${pop.id}/shown`, { client: this.client }).catch(() => {});
  }

  clear() {
    this.section.hidden = true;
    this.frame.replaceChildren();
  }
}
