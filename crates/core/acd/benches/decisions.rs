//! How fast the distributor decides.

use hookswitch_acd::distribution::Distributor;
use hookswitch_model::{Timestamp, setup::Setup};

fn main() {
    let start = std::time::Instant::now();
    let mut distributor = Distributor::new(&Setup::default(), 1);
    assert!(distributor.next(Timestamp::from_millis(1)).is_none());
    println!("empty decision: {:?}", start.elapsed());
}
