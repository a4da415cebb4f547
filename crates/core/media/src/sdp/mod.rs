//! Session descriptions (RFC 8866), offers and answers (RFC 3264).
//!
//! What is read is kept line by line, so that what passes through us stays as it was: a line is changed where we mean
//! to change it and nowhere else.

mod describe;
mod direction;
mod negotiate;
mod origin;

pub use describe::{Connection, Description, Line, MOST_BYTES, MOST_LINES, MOST_MEDIA, Media, NotSdp};
pub use direction::Direction;
pub use negotiate::{Agreed, Local, Refused, accept, answer, offer};
pub use origin::Origin;
