//! What people and other systems are told of changes: made from the feed, in its order, by one who does it
//! at a time; and its way out, by many.

mod ack;
mod claim;
mod deliveries;
mod escalation;
mod fanout;
mod first_opened;
mod inbox;
mod outbox;
mod preferences;
mod recipients;
mod subscriptions;
mod wakeup;
mod webhooks;

pub use ack::{Ack, Outcome};
pub use claim::{Claim, Claimed, OutboundMessage, Recipient};
pub use deliveries::{Delivery, Resend, deliveries, has_due};
pub use escalation::EscalationDelays;
pub use inbox::{
    InboxPage, MarkRead, MarkReadUntil, Notificacion, after, inbox, last_id, newest_since,
};
pub use outbox::Channels;
pub use preferences::{SetPreferencias, preferencias};
pub use subscriptions::{Subscribe, SubscriptionRefusal, Unsubscribe};
pub use webhooks::{ChangeWebhook, MAX_WEBHOOKS, Webhook, WebhookChange, WebhookRefusal, webhooks};
