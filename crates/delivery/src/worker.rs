//! Takes what is due out of the table, sends it and notes how it went. Any number of servers may do it
//! at once; one that falls leaves what it had to the others.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sigra_domain::Instante;
use sigra_store::{
    Store,
    notifications::{self, Ack, Channels, Claim, Claimed, Outcome},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    AllowList, DeliveryError, EgressClient, Timeouts,
    email::{self, Mailer},
    push::{self, InvalidVapidKey, Push, PushSubscription, Urgency, VapidKey},
    render,
    webhook::{WebhookMessage, WebhookSecret, WebhookSender},
};

/// Sent at once.
const MAX_IN_FLIGHT: usize = 32;
/// How often the table is looked at without a hint.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// What a push service keeps for a phone without signal, in seconds.
const TTL: u32 = 24 * 60 * 60;

/// What the site decides of its ways out.
#[derive(Default)]
pub struct DeliveryOptions {
    /// `None`: the site sends no mail.
    pub correo: Option<Mailer>,
    /// Networks inside that webhooks may be sent to.
    pub redes: AllowList,
    /// And push messages, whose addresses anybody signed in may give: none, but in tests.
    pub redes_push: AllowList,
    /// Under which people reach the site.
    pub url_publica: Option<String>,
    /// Where a push service complains, `mailto:…` or `https://…`.
    pub contacto: Option<String>,
}

/// Whom push services write to when the site says nothing.
const DEFAULT_CONTACT: &str = "https://sigra.invalid";

/// Who delivers. Cheap to clone.
#[derive(Clone)]
pub struct DeliveryWorker(Arc<Inner>);

struct Inner {
    store: Store,
    correo: Option<Mailer>,
    a_webhooks: EgressClient,
    webhooks: WebhookSender,
    a_push: EgressClient,
    push: Push,
    vapid_publica: String,
    url_publica: Option<String>,
}

/// Why nothing can be delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverySetupError {
    #[error(transparent)]
    Base(#[from] sigra_store::StoreError),
    #[error(transparent)]
    Red(#[from] DeliveryError),
    #[error(transparent)]
    Vapid(#[from] InvalidVapidKey),
}

impl DeliveryWorker {
    /// The site's key for Web Push is made the first time.
    pub async fn open(store: Store, options: DeliveryOptions) -> Result<Self, DeliverySetupError> {
        let a_webhooks = EgressClient::new(options.redes, Timeouts::default())?;
        let a_push = EgressClient::new(options.redes_push, Timeouts::default())?;
        let nueva = VapidKey::new(store.env().random())?.text();
        let clave = VapidKey::parse(&store.vapid_key(nueva).await?)?;
        let vapid_publica = clave.public_key().to_owned();
        let contacto = options
            .contacto
            .unwrap_or_else(|| DEFAULT_CONTACT.to_owned());
        Ok(Self(Arc::new(Inner {
            webhooks: WebhookSender::new(a_webhooks.clone()),
            push: Push::new(a_push.clone(), clave, contacto)?,
            store,
            correo: options.correo,
            a_webhooks,
            a_push,
            vapid_publica,
            url_publica: options.url_publica,
        })))
    }

    /// The ways out that there are, for whoever writes what shall go out.
    pub fn channels(&self) -> Channels {
        Channels {
            correo: self.0.correo.is_some(),
        }
    }

    /// Where webhooks may go.
    pub fn a_webhooks(&self) -> &EgressClient {
        &self.0.a_webhooks
    }

    /// Where push messages may go.
    pub fn a_push(&self) -> &EgressClient {
        &self.0.a_push
    }

    /// What browsers take as `applicationServerKey`.
    pub fn vapid_public_key(&self) -> &str {
        &self.0.vapid_publica
    }

    /// Delivers, for ever. Dropped at any moment it leaves what it had to the next.
    pub async fn run(self) {
        let mut novedades = self.0.store.wakeups();
        let mut clock = tokio::time::interval(POLL_INTERVAL);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_flight = JoinSet::new();
        loop {
            while in_flight.try_join_next().is_some() {}
            match self.claim(&mut in_flight).await {
                Ok(true) if in_flight.len() < MAX_IN_FLIGHT => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "las entregas se retoman después"),
            }
            tokio::select! {
                _ = clock.tick() => {}
                hay = novedades.changed() => if hay.is_err() { return },
                Some(_) = in_flight.join_next() => {}
            }
        }
    }

    /// Takes and sends what is due now, and waits for all of it.
    pub async fn deliver_due(&self) -> Result<(), sigra_store::StoreError> {
        let mut in_flight = JoinSet::new();
        while self.claim(&mut in_flight).await? || !in_flight.is_empty() {
            in_flight.join_next().await;
        }
        Ok(())
    }

    /// Whether there was something.
    async fn claim(&self, in_flight: &mut JoinSet<()>) -> Result<bool, sigra_store::StoreError> {
        let libres = i64::try_from(MAX_IN_FLIGHT.saturating_sub(in_flight.len())).unwrap_or(0);
        if libres == 0 {
            return Ok(false);
        }
        let store = &self.0.store;
        let mut lectura = store.read().await?;
        let hay = notifications::has_due(&mut lectura, store.env().now()).await?;
        drop(lectura);
        if !hay {
            return Ok(false);
        }
        let tomadas = store.write(Claim { limite: libres }).await?;
        let algo = !tomadas.is_empty();
        for tomada in tomadas {
            let worker = self.clone();
            in_flight.spawn(async move { worker.deliver(tomada).await });
        }
        Ok(algo)
    }

    async fn deliver(&self, tomada: Claimed) {
        let done = match self.send(&tomada.destino).await {
            Ok(()) => Outcome::Entregada,
            Err(f) => {
                tracing::info!(entrega = ?tomada.ids.first(), circuito = tomada.circuito, error = %f, "no se entregó");
                Outcome::Failed {
                    solo_suyo: f.solo_suyo,
                    texto: f.texto,
                    permanente: f.permanente,
                    reintentar_en: f
                        .reintentar_en
                        .map(|d| i64::try_from(d.as_millis()).unwrap_or(Instante::HOUR)),
                }
            }
        };
        // If it can't be noted it is sent again, under the same id.
        if let Err(error) = self
            .0
            .store
            .write(Ack {
                tomada,
                hecho: done,
            })
            .await
        {
            tracing::warn!(%error, "una entrega no se pudo anotar; se repetirá");
        }
    }

    async fn send(&self, target: &notifications::Recipient) -> Result<(), DeliveryError> {
        let Inner {
            store,
            correo,
            webhooks,
            push,
            a_push,
            url_publica,
            ..
        } = &*self.0;
        let now = store.env().now();
        let segundos = now.0 / Instante::SECOND;
        match target {
            notifications::Recipient::Correo {
                email,
                nombre,
                idioma,
                mensajes,
                ..
            } => {
                let correo = correo.as_ref().ok_or_else(email_not_configured)?;
                let mail = render::email(nombre, *idioma, mensajes, url_publica.as_deref());
                let message = email::EmailMessage {
                    id: &render::id(mensajes),
                    para: email,
                    asunto: &mail.asunto,
                    texto: &mail.texto,
                    html: &mail.html,
                    milisegundos: now.0,
                };
                correo.send(&message).await
            }
            notifications::Recipient::Push {
                endpoint,
                p256dh,
                auth,
                idioma,
                mensaje: message,
                urgente,
                ..
            } => {
                let subscription = PushSubscription::new(endpoint, p256dh, auth, a_push);
                let subscription = subscription.map_err(|e| DeliveryError {
                    texto: e.to_string(),
                    permanente: true,
                    reintentar_en: None,
                    solo_suyo: true,
                })?;
                let aviso = push::PushMessage {
                    cuerpo: &render::push(message, *idioma),
                    ttl: TTL,
                    urgencia: match urgente {
                        true => Urgency::Alta,
                        false => Urgency::Normal,
                    },
                    tema: None,
                };
                let random = store.env().random();
                push.send(&subscription, &aviso, segundos, random).await
            }
            notifications::Recipient::Webhook {
                url,
                secretos,
                id,
                cuerpo,
                ..
            } => {
                let secretos: Vec<WebhookSecret> = secretos
                    .iter()
                    .filter_map(|s| WebhookSecret::parse(s).ok())
                    .collect();
                let mail = WebhookMessage {
                    id: &format!("entrega-{id}"),
                    segundos,
                    url,
                    secretos: &secretos,
                    cuerpo: Bytes::from(cuerpo.clone()),
                };
                webhooks.send(&mail).await
            }
        }
    }
}

fn email_not_configured() -> DeliveryError {
    DeliveryError {
        texto:
            "El servidor no tiene correo configurado: indique smtp_servidor y vuelva a enviarlo."
                .into(),
        permanente: true,
        reintentar_en: None,
        solo_suyo: false,
    }
}
