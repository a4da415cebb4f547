//! Prints what encoding an event and handing it to many subscriptions costs, also beside readers that are stuck:
//! `cargo run --release -p hookswitch-publish --example fan_out`.

use std::time::Instant;

use hookswitch_journal::{Journal, Kind, MemoryJournal, Record};
use hookswitch_publish::{Closed, Filter, Hub, Subscription};
use hookswitch_wire::{
    encode,
    model::{
        AgentId, CallId, CallRef, EventId, LegId, PbxId, QueueId, Timestamp,
        call::{Address, Call, CallState, Customer, Direction, Leg, LegRole, LegState, PartyNumber},
        event::{Event, EventKind},
    },
};

const EVENTS: u64 = 20_000;
const SUBSCRIPTIONS: u32 = 200;
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let event = held()?;
    let begun = Instant::now();
    let records: Vec<Record> = (1..=EVENTS)
        .map(|seq| {
            let encoded = encode(&event, seq, None);
            Record { kind: Kind::Event, at: event.at, meta: Some(encoded.meta), payload: encoded.json }
        })
        .collect();
    let bytes = records.first().map_or(0, |record| record.payload.len());
    println!("encode: {:.2} us an event of {bytes} bytes", per(begun, EVENTS as f64));

    let mut journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    for batch in records.chunks(BATCH) {
        journal.append(&mut batch.to_vec())?;
    }
    drop(journal);
    let begun = Instant::now();
    let delivered = tokio::runtime::Builder::new_current_thread().build()?.block_on(read_all(&hub));
    println!(
        "catching up, {SUBSCRIPTIONS} readers: {:.2} us a delivery, {delivered} deliveries",
        per(begun, delivered as f64)
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for stuck in [0, 100, 0, 100] {
        let cost = runtime.block_on(live(&records, stuck))?;
        println!("live, {SUBSCRIPTIONS} readers beside {stuck} that are stuck: {cost:.2} us a delivery");
    }
    Ok(())
}

/// What a delivery costs to readers that keep up, appending included.
async fn live(records: &[Record], stuck: u32) -> Result<f64, Box<dyn std::error::Error>> {
    let mut journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    let subscribe = |_| hub.subscribe(None, Filter::default());
    let _stuck: Vec<Subscription> = (0..stuck).map(subscribe).collect();
    let mut readers: Vec<Subscription> = (0..SUBSCRIPTIONS).map(subscribe).collect();
    for reader in &mut readers {
        reader.next_batch().await?;
    }
    let begun = Instant::now();
    let mut delivered = 0_u32;
    for batch in records.chunks(BATCH) {
        journal.append(&mut batch.to_vec())?;
        for reader in &mut readers {
            delivered += u32::try_from(reader.next_batch().await?.len())?;
        }
    }
    Ok(per(begun, f64::from(delivered)))
}

/// Reads everything on every subscription, one after another, on one core.
async fn read_all(hub: &Hub) -> u64 {
    let mut delivered = 0;
    for _ in 0..SUBSCRIPTIONS {
        let mut stream = hub.subscribe(Some(0), Filter::default());
        loop {
            match stream.next_batch().await {
                Ok(frames) => delivered += frames.len() as u64,
                Err(Closed::Stopped) => break,
                Err(closed) => {
                    eprintln!("{closed}");
                    break;
                }
            }
        }
    }
    delivered
}

fn per(begun: Instant, count: f64) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / count
}

fn held() -> Result<Event, Box<dyn std::error::Error>> {
    let leg = |id, role, address: &str, agent| Leg {
        id: LegId::from_bits(id),
        role,
        address: Address::new(address),
        number: None,
        agent,
        state: LegState::Connected,
        actions: Vec::new(),
    };
    let at = Timestamp::from_millis(1_795_287_600_000);
    let call = Call {
        id: CallId::from_bits(1),
        direction: Direction::Inbound,
        state: CallState::Connected,
        pbx: PbxId::new("hq")?,
        pbx_ref: CallRef::new("1795288742.51"),
        ani: PartyNumber { raw: "+49305550001".to_owned(), ..PartyNumber::default() },
        dnis: PartyNumber { raw: "5003".to_owned(), ..PartyNumber::default() },
        via: None,
        trunk: None,
        queue: Some(QueueId::new("support")?),
        priority: 0,
        rule: None,
        config_version: 1,
        customer: Customer::none(),
        data: Default::default(),
        legs: vec![
            leg(1, LegRole::Customer, "PJSIP/trunk", None),
            leg(2, LegRole::Agent, "PJSIP/1001", Some(AgentId::new("alice")?)),
        ],
        started_at: at,
        queued_at: Some(at),
        answered_at: Some(at),
        ended_at: None,
    };
    let kind = EventKind::CallHeld { call: Box::new(call), leg: LegId::from_bits(2), by: "alice".to_owned() };
    let pbx = Some(PbxId::new("hq")?);
    Ok(Event { id: EventId::from_bits(1), at, pbx, recovered: false, action: None, kind })
}
