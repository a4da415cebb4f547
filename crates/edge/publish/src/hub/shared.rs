//! The bytes of an event with `prev`, made once for all readers who see the same event before it.
//!
//! Readers differ in their filters, and so in `prev`; but of many readers most have one of a few filters. The latest
//! events are kept in the few forms that readers asked for, so that a thousand pages share one text.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// How many of the latest events are kept.
const EVENTS: usize = 512;
/// In how many forms each.
const FORMS: usize = 4;
/// Larger ones are made for each reader: they are rare, and would hold much memory.
const LARGEST: usize = 8 * 1024;

/// What tells the forms of one event apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// The event before it.
    pub(super) prev: u64,
    /// Without a number that the caller withheld.
    pub(super) hidden: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct SharedBytes {
    slots: Box<[Mutex<Slot>]>,
}

#[derive(Debug, Default)]
struct Slot {
    seq: u64,
    forms: Vec<(Form, Bytes)>,
}

impl SharedBytes {
    pub(super) fn new() -> Self {
        Self { slots: (0..EVENTS).map(|_| Mutex::default()).collect() }
    }

    /// The event at `seq` in this form, `size` bytes large; made if nobody has asked for it yet.
    pub(super) fn get(
        &self,
        seq: u64,
        form: Form,
        size: usize,
        make: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        if size > LARGEST {
            return make();
        }
        let place = usize::try_from(seq % EVENTS as u64).unwrap_or_default();
        let mut slot = self.slots[place].lock().unwrap_or_else(PoisonError::into_inner);
        if slot.seq > seq {
            // Who catches up reads what others have read long ago.
            drop(slot);
            return make();
        }
        if slot.seq < seq {
            slot.seq = seq;
            slot.forms.clear();
        }
        if let Some((_, bytes)) = slot.forms.iter().find(|(known, _)| *known == form) {
            return Some(bytes.clone());
        }
        // Made under the lock: whoever wants the same waits for it instead of making it, too.
        let bytes = make()?;
        if slot.forms.len() < FORMS {
            slot.forms.push((form, bytes.clone()));
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Form = Form { prev: 1, hidden: false };

    fn made(shared: &SharedBytes, seq: u64, form: Form) -> bool {
        let mut made = false;
        let size = if seq == 7 { LARGEST + 1 } else { 10 };
        shared.get(seq, form, size, || {
            made = true;
            Some(Bytes::from(format!("{seq} {form:?}")))
        });
        made
    }

    #[test]
    fn each_form_of_an_event_is_made_once() {
        let shared = SharedBytes::new();
        let hidden = Form { hidden: true, ..PLAIN };
        assert!(made(&shared, 2, PLAIN) && made(&shared, 2, hidden) && made(&shared, 3, PLAIN));
        assert!(!made(&shared, 2, PLAIN) && !made(&shared, 2, hidden) && !made(&shared, 3, PLAIN));
    }

    #[test]
    fn memory_is_bounded_in_events_forms_and_bytes() {
        let shared = SharedBytes::new();
        assert!(made(&shared, 7, PLAIN) && made(&shared, 7, PLAIN), "large ones are not kept");
        for prev in 0..10 {
            assert!(made(&shared, 2, Form { prev, hidden: false }));
        }
        assert!(!made(&shared, 2, Form { prev: 3, hidden: false }));
        assert!(made(&shared, 2, Form { prev: 4, hidden: false }), "further forms are not kept");
        let later = 2 + EVENTS as u64;
        assert!(made(&shared, later, PLAIN) && !made(&shared, later, PLAIN));
        assert!(made(&shared, 2, PLAIN), "an older event takes no newer one's place");
        assert!(!made(&shared, later, PLAIN));
    }
}
