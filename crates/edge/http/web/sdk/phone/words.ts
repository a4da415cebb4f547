const en = {
  phone: "Telephone",
  call: (number: string) => `Call ${number}`,
  calling: (number: string) => `Calling ${number} …`,
  ringing: (who: string, queue: string) => (queue ? `Incoming call: ${who}, queue ${queue}` : `Incoming call: ${who}`),
  to: "Agent, queue or number",
  tones: "Tones",
  send: "Send",
  cancel: "Cancel",
  withheld: "Number withheld",
  states: { started: "new", queued: "waiting", offered: "rings", connected: "talking", held: "on hold", ended: "over" },
  away: "Hookswitch cannot be reached",
  signIn: "Not signed in to Hookswitch",
  stop: "Stop recording",
  actions: {
    answer: "Answer", hangup: "Hang up", hold: "Hold", retrieve: "Retrieve", transfer: "Transfer", consult: "Consult", conference: "Add",
    dtmf: "Keys", record: "Record", "consult/complete": "Connect", "consult/cancel": "Back", "consult/conference": "Together",
  } as Record<string, string>,
};

export type Words = typeof en;

const de: Words = {
  phone: "Telefon",
  call: (number) => `${number} anrufen`,
  calling: (number) => `${number} wird angerufen …`,
  ringing: (who, queue) => (queue ? `Anruf von ${who}, Warteschlange ${queue}` : `Anruf von ${who}`),
  to: "Agent, Warteschlange oder Nummer",
  tones: "Töne",
  send: "Senden",
  cancel: "Abbrechen",
  withheld: "Nummer unterdrückt",
  states: { started: "neu", queued: "wartet", offered: "klingelt", connected: "im Gespräch", held: "gehalten", ended: "beendet" },
  away: "Hookswitch ist nicht erreichbar",
  signIn: "Nicht bei Hookswitch angemeldet",
  stop: "Aufnahme beenden",
  actions: {
    answer: "Annehmen", hangup: "Auflegen", hold: "Halten", retrieve: "Zurückholen", transfer: "Weiterleiten", consult: "Rückfrage", conference: "Dazuholen",
    dtmf: "Tasten", record: "Aufnehmen", "consult/complete": "Verbinden", "consult/cancel": "Zurück", "consult/conference": "Zusammen",
  },
};

const zh: Words = {
  phone: "电话",
  call: (number) => `呼叫 ${number}`,
  calling: (number) => `正在呼叫 ${number} …`,
  ringing: (who, queue) => (queue ? `来电：${who}，队列 ${queue}` : `来电：${who}`),
  to: "坐席、队列或号码",
  tones: "按键音",
  send: "发送",
  cancel: "取消",
  withheld: "隐藏号码",
  states: { started: "新建", queued: "等待", offered: "振铃", connected: "通话", held: "保持", ended: "结束" },
  away: "无法连接 Hookswitch",
  signIn: "未登录 Hookswitch",
  stop: "停止录音",
  actions: {
    answer: "接听", hangup: "挂断", hold: "保持", retrieve: "取回", transfer: "转接", consult: "咨询", conference: "加入",
    dtmf: "按键", record: "录音", "consult/complete": "接通", "consult/cancel": "返回", "consult/conference": "三方",
  },
};

/** The words for a language tag; English where there are none. */
export function wordsFor(tag: string): Words {
  return { de, zh }[tag.slice(0, 2).toLowerCase()] ?? en;
}
