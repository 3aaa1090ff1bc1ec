//! What is sent to others: mail, webhooks and Web Push. Each channel sends one thing and says how it went;
//! the [`DeliveryWorker`] takes what waits from the store, gives it to its channel and notes the outcome there.
//!
//! Time and randomness are arguments, so that what was sent can be made again byte by byte.

mod egress;
pub mod email;
mod error;
pub mod push;
mod render;
#[cfg(test)]
mod test_receiver;
#[cfg(test)]
mod tls;
pub mod webhook;
mod worker;

pub use egress::{AllowList, EgressClient, InvalidNetwork, Timeouts, UrlRefusal, check_url};
pub use error::DeliveryError;
pub use worker::{DeliveryOptions, DeliverySetupError, DeliveryWorker};
