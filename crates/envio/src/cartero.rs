//! Takes what is due out of the table, sends it and notes how it went. Any number of servers may do it
//! at once; one that falls leaves what it had to the others.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sigra_domain::Instante;
use sigra_store::{
    Store,
    avisos::{self, Anotar, Hecho, Salidas, Tomada, Tomar},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    Destino, Fallo, Permitidos, Plazos, carta,
    correo::{self, Correo},
    push::{self, ClaveVapid, Push, RechazoVapid, Suscripcion, Urgencia},
    webhook::{Carta, Secreto, Webhooks},
};

/// Sent at once.
const EN_CURSO: usize = 32;
/// How often the table is looked at without a hint.
const MIRADA: Duration = Duration::from_secs(1);
/// What a push service keeps for a phone without signal, in seconds.
const TTL: u32 = 24 * 60 * 60;

/// What the site decides of its ways out.
#[derive(Default)]
pub struct Opciones {
    /// `None`: the site sends no mail.
    pub correo: Option<Correo>,
    /// Networks inside that webhooks may be sent to.
    pub redes: Permitidos,
    /// And push messages, whose addresses anybody signed in may give: none, but in tests.
    pub redes_push: Permitidos,
    /// Under which people reach the site.
    pub url_publica: Option<String>,
    /// Where a push service complains, `mailto:…` or `https://…`.
    pub contacto: Option<String>,
}

/// Whom push services write to when the site says nothing.
const CONTACTO: &str = "https://sigra.invalid";

/// Who delivers. Cheap to clone.
#[derive(Clone)]
pub struct Cartero(Arc<Interior>);

struct Interior {
    store: Store,
    correo: Option<Correo>,
    a_webhooks: Destino,
    webhooks: Webhooks,
    a_push: Destino,
    push: Push,
    vapid_publica: String,
    url_publica: Option<String>,
}

/// Why nothing can be delivered.
#[derive(Debug, thiserror::Error)]
pub enum SinCartero {
    #[error(transparent)]
    Base(#[from] sigra_store::Fallo),
    #[error(transparent)]
    Red(#[from] Fallo),
    #[error(transparent)]
    Vapid(#[from] RechazoVapid),
}

impl Cartero {
    /// The site's key for Web Push is made the first time.
    pub async fn abre(store: Store, opciones: Opciones) -> Result<Self, SinCartero> {
        let a_webhooks = Destino::nuevo(opciones.redes, Plazos::default())?;
        let a_push = Destino::nuevo(opciones.redes_push, Plazos::default())?;
        let nueva = ClaveVapid::nueva(store.entorno().azar())?.texto();
        let clave = ClaveVapid::lee(&store.clave_vapid(nueva).await?)?;
        let vapid_publica = clave.publica().to_owned();
        let contacto = opciones.contacto.unwrap_or_else(|| CONTACTO.to_owned());
        Ok(Self(Arc::new(Interior {
            webhooks: Webhooks::nuevo(a_webhooks.clone()),
            push: Push::nuevo(a_push.clone(), clave, contacto)?,
            store,
            correo: opciones.correo,
            a_webhooks,
            a_push,
            vapid_publica,
            url_publica: opciones.url_publica,
        })))
    }

    /// The ways out that there are, for whoever writes what shall go out.
    pub fn salidas(&self) -> Salidas {
        Salidas {
            correo: self.0.correo.is_some(),
        }
    }

    /// Where webhooks may go.
    pub fn a_webhooks(&self) -> &Destino {
        &self.0.a_webhooks
    }

    /// Where push messages may go.
    pub fn a_push(&self) -> &Destino {
        &self.0.a_push
    }

    /// What browsers take as `applicationServerKey`.
    pub fn vapid_publica(&self) -> &str {
        &self.0.vapid_publica
    }

    /// Delivers, for ever. Dropped at any moment it leaves what it had to the next.
    pub async fn trabaja(self) {
        let mut novedades = self.0.store.novedades();
        let mut reloj = tokio::time::interval(MIRADA);
        reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut en_curso = JoinSet::new();
        loop {
            while en_curso.try_join_next().is_some() {}
            match self.toma(&mut en_curso).await {
                Ok(true) if en_curso.len() < EN_CURSO => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "las entregas se retoman después"),
            }
            tokio::select! {
                _ = reloj.tick() => {}
                hay = novedades.changed() => if hay.is_err() { return },
                Some(_) = en_curso.join_next() => {}
            }
        }
    }

    /// Takes and sends what is due now, and waits for all of it.
    pub async fn reparte(&self) -> Result<(), sigra_store::Fallo> {
        let mut en_curso = JoinSet::new();
        while self.toma(&mut en_curso).await? || !en_curso.is_empty() {
            en_curso.join_next().await;
        }
        Ok(())
    }

    /// Whether there was something.
    async fn toma(&self, en_curso: &mut JoinSet<()>) -> Result<bool, sigra_store::Fallo> {
        let libres = i64::try_from(EN_CURSO.saturating_sub(en_curso.len())).unwrap_or(0);
        if libres == 0 {
            return Ok(false);
        }
        let store = &self.0.store;
        let mut lectura = store.leer().await?;
        let hay = avisos::hay_debidas(&mut lectura, store.entorno().ahora()).await?;
        drop(lectura);
        if !hay {
            return Ok(false);
        }
        let tomadas = store.escribir(Tomar { limite: libres }).await?;
        let algo = !tomadas.is_empty();
        for tomada in tomadas {
            let cartero = self.clone();
            en_curso.spawn(async move { cartero.entrega(tomada).await });
        }
        Ok(algo)
    }

    async fn entrega(&self, tomada: Tomada) {
        let hecho = match self.envia(&tomada.destino).await {
            Ok(()) => Hecho::Entregada,
            Err(f) => {
                tracing::info!(entrega = ?tomada.ids.first(), circuito = tomada.circuito, error = %f, "no se entregó");
                Hecho::Fallo {
                    solo_suyo: f.solo_suyo,
                    texto: f.texto,
                    permanente: f.permanente,
                    reintentar_en: f
                        .reintentar_en
                        .map(|d| i64::try_from(d.as_millis()).unwrap_or(Instante::HORA)),
                }
            }
        };
        // If it can't be noted it is sent again, under the same id.
        if let Err(error) = self.0.store.escribir(Anotar { tomada, hecho }).await {
            tracing::warn!(%error, "una entrega no se pudo anotar; se repetirá");
        }
    }

    async fn envia(&self, destino: &avisos::Destino) -> Result<(), Fallo> {
        let Interior {
            store,
            correo,
            webhooks,
            push,
            a_push,
            url_publica,
            ..
        } = &*self.0;
        let ahora = store.entorno().ahora();
        let segundos = ahora.0 / Instante::SEGUNDO;
        match destino {
            avisos::Destino::Correo {
                email,
                nombre,
                idioma,
                mensajes,
                ..
            } => {
                let correo = correo.as_ref().ok_or_else(sin_correo)?;
                let carta = carta::correo(nombre, *idioma, mensajes, url_publica.as_deref());
                let mensaje = correo::Mensaje {
                    id: &carta::id(mensajes),
                    para: email,
                    asunto: &carta.asunto,
                    texto: &carta.texto,
                    html: &carta.html,
                    milisegundos: ahora.0,
                };
                correo.envia(&mensaje).await
            }
            avisos::Destino::Push {
                endpoint,
                p256dh,
                auth,
                idioma,
                mensaje,
                urgente,
                ..
            } => {
                let suscripcion = Suscripcion::nueva(endpoint, p256dh, auth, a_push);
                let suscripcion = suscripcion.map_err(|e| Fallo {
                    texto: e.to_string(),
                    permanente: true,
                    reintentar_en: None,
                    solo_suyo: true,
                })?;
                let aviso = push::Aviso {
                    cuerpo: &carta::push(mensaje, *idioma),
                    ttl: TTL,
                    urgencia: match urgente {
                        true => Urgencia::Alta,
                        false => Urgencia::Normal,
                    },
                    tema: None,
                };
                let azar = store.entorno().azar();
                push.envia(&suscripcion, &aviso, segundos, azar).await
            }
            avisos::Destino::Webhook {
                url,
                secretos,
                id,
                cuerpo,
                ..
            } => {
                let secretos: Vec<Secreto> = secretos
                    .iter()
                    .filter_map(|s| Secreto::lee(s).ok())
                    .collect();
                let carta = Carta {
                    id: &format!("entrega-{id}"),
                    segundos,
                    url,
                    secretos: &secretos,
                    cuerpo: Bytes::from(cuerpo.clone()),
                };
                webhooks.envia(&carta).await
            }
        }
    }
}

fn sin_correo() -> Fallo {
    Fallo {
        texto:
            "El servidor no tiene correo configurado: indique smtp_servidor y vuelva a enviarlo."
                .into(),
        permanente: true,
        reintentar_en: None,
        solo_suyo: false,
    }
}
