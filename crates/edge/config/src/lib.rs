//! Configuration: types, loading, every problem at once.
