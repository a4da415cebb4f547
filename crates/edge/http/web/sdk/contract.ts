export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Action: {
            /** @description The events that come of it carry it. */
            action: string;
        };
        Agent: {
            calls: string[];
            devices: {
                address: string;
                /** @enum {string} */
                state: "unknown" | "idle" | "ringing" | "in_use" | "unavailable";
            }[];
            evidence: string | null;
            id: string;
            name: string;
            next: {
                reason: string | null;
                state: string;
            } | null;
            queues: string[];
            reason: string | null;
            /** Format: date-time */
            since: string;
            skills: {
                [key: string]: number;
            };
            /** @enum {string} */
            state: "logged_out" | "not_ready" | "ready" | "reserved" | "talking" | "holding" | "wrap_up";
        };
        Agents: {
            items: components["schemas"]["Agent"][];
            sequence: components["schemas"]["Sequence"];
        };
        Call: {
            ani: components["schemas"]["Number"];
            /** Format: date-time */
            answered_at: string | null;
            config_version: number;
            customer: components["schemas"]["Customer"];
            data: {
                [key: string]: string;
            };
            /** @enum {string} */
            direction: "inbound" | "outbound" | "internal";
            dnis: components["schemas"]["Dnis"];
            /** Format: date-time */
            ended_at: string | null;
            id: string;
            legs: components["schemas"]["Leg"][];
            pbx: string;
            pbx_ref: string;
            priority: number;
            queue: string | null;
            /** Format: date-time */
            queued_at: string | null;
            rule: string | null;
            /** Format: date-time */
            started_at: string;
            /** @enum {string} */
            state: "started" | "queued" | "offered" | "connected" | "held" | "ended";
            via: components["schemas"]["Via"] | null;
        };
        Calls: {
            items: components["schemas"]["Call"][];
            sequence: components["schemas"]["Sequence"];
        };
        Candidate: {
            fields?: {
                [key: string]: string;
            };
            id: string;
            name: string | null;
            score: number;
            why: string;
        };
        Claimed: {
            action: string;
            client: string;
            pop: string;
        };
        Customer: {
            candidates: components["schemas"]["Candidate"][];
            /** @enum {string} */
            match: "one" | "many" | "none" | "pending" | "error";
        };
        /** @description Keys and their new values; kept as text. */
        Data: {
            [key: string]: string | number | boolean;
        };
        Deliveries: {
            items: components["schemas"]["Delivery"][];
            sequence: components["schemas"]["Sequence"];
        };
        Delivery: {
            attempts: {
                /** Format: date-time */
                at: string;
                error: string | null;
                ms: number;
                status: number | null;
            }[];
            event: string;
            sequence: components["schemas"]["Sequence"];
            /** @enum {string} */
            state: "pending" | "delivered" | "unconfirmed" | "refused" | "dead" | "disabled";
        };
        Dnis: {
            e164: string | null;
            raw: string;
        };
        /** @description CloudEvents 1.0. `prev` is the sequence of the event before it under the same filter. */
        Event: {
            action?: string;
            data: Record<string, never>;
            /** @constant */
            datacontenttype: "application/json";
            id: string;
            prev?: components["schemas"]["Sequence"];
            recovered?: boolean;
            sequence: components["schemas"]["Sequence"];
            source: string;
            /** @constant */
            specversion: "1.0";
            subject?: string;
            /** Format: date-time */
            time: string;
            type: string;
        };
        Events: {
            events: components["schemas"]["Event"][];
            /** @description `after` of the next page. */
            next: components["schemas"]["Sequence"];
        };
        Leg: {
            /** @description What may be asked for now. */
            actions: ("answer" | "hold" | "retrieve" | "transfer" | "consult" | "conference" | "dtmf" | "hangup")[];
            address: string;
            agent: string | null;
            id: string;
            /** @enum {string} */
            role: "customer" | "agent" | "external" | "consult" | "supervisor";
            /** @enum {string} */
            state: "ringing" | "connected" | "held" | "left";
        };
        Link: {
            gap: {
                /** Format: date-time */
                from: string;
                recovered_calls: number;
                /** Format: date-time */
                to: string;
            } | null;
            pbx: string;
            /** @enum {string} */
            state: "up" | "down" | "resynchronised";
        };
        Number: {
            e164: string | null;
            name: string | null;
            /** @description As the PBX gave it. */
            raw: string;
            withheld: boolean;
        };
        PopClient: {
            /** @description This tab or device; the same when tried again. */
            client?: string;
        };
        /** @description RFC 9457. */
        Problem: {
            /** @description On 409: what would be possible now. */
            allowed?: string[];
            detail: string;
            /** @description What to do instead. */
            hint?: string;
            status: number;
            title: string;
            /** @description urn:hookswitch:problem:<kind> */
            type: string;
        };
        Queue: {
            abandoned: number;
            answered: number;
            id: string;
            longest_wait_s: number;
            ready: number;
            service_level: number | null;
            talking: number;
            waiting: number;
        };
        Queues: {
            items: components["schemas"]["Queue"][];
            sequence: components["schemas"]["Sequence"];
        };
        Ready: {
            /** @enum {string} */
            journal: "open" | "closed";
            pbx: {
                name: string;
                tried: boolean;
                up: boolean;
            }[];
            ready: boolean;
        };
        Replay: {
            /** @description The sequence of an event, or 0. */
            after: string;
        };
        /** @description A position of the journal: 20 digits, strictly increasing; texts sort as numbers. */
        Sequence: string;
        Session: {
            access_token: string;
            agent: string | null;
            /** @description Seconds. */
            expires_in: number;
            name: string;
            /** @enum {string} */
            role: "agent" | "crm" | "supervisor" | "admin";
            /** @constant */
            token_type: "Bearer";
        };
        Snapshot: {
            agents: components["schemas"]["Agent"][];
            calls: components["schemas"]["Call"][];
            pbx: components["schemas"]["Link"][];
            queues: components["schemas"]["Queue"][];
            sequence: components["schemas"]["Sequence"];
        };
        StateWish: {
            reason?: string | null;
            /** @enum {string} */
            state: "logged_out" | "not_ready" | "ready" | "wrap_up";
        };
        Via: {
            e164: string | null;
            raw: string;
            reason: string | null;
        };
        Webhooks: {
            items: Record<string, never>[];
            sequence: components["schemas"]["Sequence"];
        };
        /** @description The rules tried, the requirements, the ranked agents and one reason for each that was left out. */
        Why: Record<string, never>;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

export type Action = components["schemas"]["Action"];
export type Agent = components["schemas"]["Agent"];
export type Agents = components["schemas"]["Agents"];
export type Call = components["schemas"]["Call"];
export type Calls = components["schemas"]["Calls"];
export type Candidate = components["schemas"]["Candidate"];
export type Claimed = components["schemas"]["Claimed"];
export type Customer = components["schemas"]["Customer"];
export type Data = components["schemas"]["Data"];
export type Deliveries = components["schemas"]["Deliveries"];
export type Delivery = components["schemas"]["Delivery"];
export type Dnis = components["schemas"]["Dnis"];
export type Events = components["schemas"]["Events"];
export type Leg = components["schemas"]["Leg"];
export type Link = components["schemas"]["Link"];
export type Number = components["schemas"]["Number"];
export type PopClient = components["schemas"]["PopClient"];
export type Problem = components["schemas"]["Problem"];
export type Queue = components["schemas"]["Queue"];
export type Queues = components["schemas"]["Queues"];
export type Ready = components["schemas"]["Ready"];
export type Replay = components["schemas"]["Replay"];
export type Sequence = components["schemas"]["Sequence"];
export type Session = components["schemas"]["Session"];
export type Snapshot = components["schemas"]["Snapshot"];
export type StateWish = components["schemas"]["StateWish"];
export type Via = components["schemas"]["Via"];
export type Webhooks = components["schemas"]["Webhooks"];
export type Why = components["schemas"]["Why"];
export type Ledger = Record<string, unknown>;export type Offer={id:string;agent:string};export type Pop={id:string;agent:string;expires_at:string;url:string|null};
interface E<T extends string,D>{type:T;sequence:string;prev:string;data:D;action?:string}
export type Event = E<"stream.hello",{sequence:string;oldest:string}>|E<"stream.gap",{from:string;to:string}>|E<"stream.snapshot",Snapshot>|E<"call.offered",{call:Call;offer:Offer}>|E<"screen.pop",{call:Call;pop:Pop}>;
