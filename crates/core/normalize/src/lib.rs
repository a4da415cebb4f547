//! PBX dialects to call events, and PBX actions to dialects.

pub mod dialplan;
pub mod number;
pub mod to_ami;
