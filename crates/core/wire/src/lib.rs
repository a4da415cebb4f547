//! The public JSON, version 1: what subscribers read.
