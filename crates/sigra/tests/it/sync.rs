//! Phones and readers of servers that are killed: nothing is lost and nothing is there twice.

mod crash;
pub mod cuts;
mod feed;
mod model;
