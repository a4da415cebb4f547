//! PBX dialects to call events, and PBX actions to dialects.
