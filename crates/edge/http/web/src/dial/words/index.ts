import { speak } from "../../shared/i18n.js";

const en = {
  heading: "Call",
  number: "Number",
  call: "Call",
  what: "Your telephone rings first, then the number is called.",
  begun: "Your telephone rings.",
  phone: "Whose telephone",
  choose: "Choose an agent",
  handler: "Open telephone links with Hookswitch",
  handlerWhy: "The browser asks whether this page may open tel: links. It works on pages that were reached by https, and on this machine.",
  bookmarklet: "Call with Hookswitch",
  bookmarkletWhy: "Drag this into the bookmarks: it calls the number that is marked in any page, or asks for one.",
  ask: "Which number?",
};

type Words = typeof en;

const de: Words = {
  heading: "Anrufen",
  number: "Nummer",
  call: "Anrufen",
  what: "Zuerst klingelt Ihr Telefon, dann wird die Nummer gewählt.",
  begun: "Ihr Telefon klingelt.",
  phone: "Wessen Telefon",
  choose: "Einen Agenten wählen",
  handler: "Telefonlinks mit Hookswitch öffnen",
  handlerWhy: "Der Browser fragt, ob diese Seite tel:-Links öffnen darf. Das geht auf Seiten, die mit https erreicht wurden, und auf diesem Rechner.",
  bookmarklet: "Mit Hookswitch anrufen",
  bookmarkletWhy: "In die Lesezeichen ziehen: es ruft die Nummer an, die auf irgendeiner Seite markiert ist, oder fragt nach einer.",
  ask: "Welche Nummer?",
};

const zh: Words = {
  heading: "拨号",
  number: "号码",
  call: "拨打",
  what: "您的话机先振铃，然后拨打该号码。",
  begun: "您的话机正在振铃。",
  phone: "谁的话机",
  choose: "选择坐席",
  handler: "用 Hookswitch 打开电话链接",
  handlerWhy: "浏览器会询问此页是否可以打开 tel: 链接。仅适用于通过 https 访问的页面和本机。",
  bookmarklet: "用 Hookswitch 拨打",
  bookmarkletWhy: "拖到书签栏：拨打任意页面上选中的号码，或询问号码。",
  ask: "哪个号码？",
};

/** What the page for `tel:` links says, in the language in use. */
export const words = speak<Words>({ en, de, "zh-CN": zh });
