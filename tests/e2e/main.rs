//! The main job, proven end to end.
