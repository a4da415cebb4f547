// What `/v1/calls/{id}/why`, `/v1/agents/{id}/why-idle` and `/v1/explain` answer: the description of the API leaves these open.

export type Levels = Readonly<Record<string, number>>;

/** Where a call goes: exactly one is there. */
export type Goes = Readonly<Record<string, string | boolean>>;

export interface Routed {
  rule: string | null;
  to: Goes | null;
  priority: number;
  requires: Levels;
  set: Readonly<Record<string, string>>;
  prefer: { agent: string; wait_ms: number; teams: string[]; team_wait_ms: number } | null;
  waited_for_customer: { waited_ms: number; answered: boolean } | null;
  tried: { rule: string; matched: boolean; note: string | null }[];
}

export interface Ranked {
  agent: string;
  score: { idle_ms: number; calls: number; occupancy: number; skill: number };
  last_resort: boolean;
}

export interface Reason {
  reason: string;
  text: string;
  until?: string;
}

export interface Excluded extends Reason {
  agent: string;
}

export interface Offered {
  queue: string;
  strategy: string;
  step: number;
  requires: Levels;
  teams: string[];
  waited_ms: number;
  attempt: number;
  kept_for_agent: boolean;
  ranked: Ranked[];
  excluded: Excluded[];
  members: number;
}

export interface Moved {
  from: string;
  to: Goes;
  reason: string;
}

export type Decision = { at: string; config_version: number } & (
  | ({ decision: "routed" } & Routed)
  | ({ decision: "offered" } & Offered)
  | ({ decision: "moved" } & Moved)
  | { decision: "not_called_back"; queue: string; reason: string; text: string }
);

export interface CallWhy {
  call: string;
  decisions: Decision[];
}

export interface Step {
  after_ms: number;
  requires: Levels;
  teams: string[];
  ranked: Ranked[];
  excluded: Excluded[];
}

export interface Asks {
  queue: string;
  strategy: string;
  ahead: number;
  keeper: { agent: string; wait_ms: number; why_not: Reason | null } | null;
  steps: Step[];
}

export interface Explanation {
  at: string;
  config_version: number;
  routed: Routed;
  queue: Asks | null;
}

export interface WhyIdle {
  agent: string;
  config_version: number;
  unavailable: Reason | null;
  queues: { queue: string; waiting: number; calls: { call: string; why_not: Reason | null }[] }[];
}
