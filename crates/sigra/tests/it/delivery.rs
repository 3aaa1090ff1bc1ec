//! What leaves for others, though the servers that send it are killed.

mod webhooks;
