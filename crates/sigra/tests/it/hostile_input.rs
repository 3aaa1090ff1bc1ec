//! Bytes from outside, and what they cost the server.

mod endurance;
