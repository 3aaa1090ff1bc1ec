use serde_json::{Value, json};

use crate::{
    QueueState,
    test_support::{Fixture, batch_results, problema, reporte, sample_contenido, titulo},
};

/// The one item of the next batch.
async fn item(e: &mut Fixture) -> Value {
    let batch = e.telefono.build_batch(100).await.unwrap();
    let [(_, json)] = batch.items().collect::<Vec<_>>()[..] else {
        panic!("{batch:?}");
    };
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn a_refusal_for_good_is_shown_and_its_correction_goes() {
    let mut e = Fixture::new().await;
    let uuid = e.telefono.create(sample_contenido()).await.unwrap();
    let mut error = problema(422, "datos_invalidos");
    error["errores"] = json!([{"campo": "titulo", "codigo": "largo", "mensaje": "Muy largo."}]);
    e.respond(&json!({"uuid_cliente": uuid, "resultado": "rechazado", "error": error}))
        .await;
    e.restart().await;
    assert_eq!(e.telefono.pending_count().await.unwrap(), 0);
    let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
    assert_eq!(propio.contenido, sample_contenido());
    let QueueState::Rechazado(problema) = propio.estado else {
        panic!("{propio:?}");
    };
    assert_eq!(problema.to_string(), "Algo pasó. titulo: Muy largo.");
    e.telefono.edit(&uuid, titulo("Corto")).await.unwrap();
    let corregido = item(&mut e).await;
    assert_eq!(corregido["titulo"], "Corto");
    assert_eq!(corregido["descripcion"], "suelta");
    assert_eq!(corregido.get("version_base"), None);
}

#[tokio::test]
async fn an_edit_that_waits_never_undoes_unseen_what_others_changed() {
    let mut e = Fixture::new().await;
    let uuid = e.acked_reporte(7).await;
    let mut mia = titulo("Uno");
    mia.area_id = Some(2);
    e.telefono.edit(&uuid, mia).await.unwrap();
    let batch = e.telefono.build_batch(10).await.unwrap();
    // While the first edit is under way: the supervisor changes the severity, and so does the
    // owner, who has not seen it.
    let mut segunda = titulo("Dos");
    segunda.severidad_id = Some(1);
    e.telefono.edit(&uuid, segunda).await.unwrap();
    let mut unido = titulo("Uno").apply_to(&sample_contenido());
    unido.area_id = 2;
    unido.severidad_id = 2;
    let fusionado = json!({"uuid_cliente": uuid, "resultado": "fusionado", "id": 7,
        "version": 3, "actual": reporte(7, &uuid, 3, &unido)});
    e.telefono
        .apply(&batch, &batch_results(&json!([fusionado])))
        .await
        .unwrap();
    let clash = item(&mut e).await;
    assert_eq!(clash["version_base"], 1);
    assert_eq!(clash["severidad_id"], 1);
    assert_eq!(clash["area_id"], 2);
    assert_eq!(clash["titulo"], "Dos");
}

#[tokio::test]
async fn a_merge_that_touched_other_fields_is_the_new_base() {
    let mut e = Fixture::new().await;
    let uuid = e.acked_reporte(7).await;
    e.telefono.edit(&uuid, titulo("Uno")).await.unwrap();
    let batch = e.telefono.build_batch(10).await.unwrap();
    e.telefono.edit(&uuid, titulo("Dos")).await.unwrap();
    let mut unido = titulo("Uno").apply_to(&sample_contenido());
    unido.severidad_id = 2;
    // The same item again, after it was merged: `duplicado` and the report as it is.
    let duplicado = json!({"uuid_cliente": uuid, "resultado": "duplicado", "id": 7,
        "version": 3, "actual": reporte(7, &uuid, 4, &unido)});
    e.telefono
        .apply(&batch, &batch_results(&json!([duplicado])))
        .await
        .unwrap();
    let siguiente = item(&mut e).await;
    assert_eq!(siguiente["version_base"], 4);
    assert_eq!(siguiente["severidad_id"], 2);
    assert_eq!(siguiente["titulo"], "Dos");
}

#[tokio::test]
async fn a_duplicate_that_is_current_is_the_base() {
    let mut e = Fixture::new().await;
    let uuid = e.telefono.create(sample_contenido()).await.unwrap();
    let duplicado = json!({"uuid_cliente": uuid, "resultado": "duplicado", "id": 7,
        "version": 4, "actual": null});
    e.respond(&duplicado).await;
    let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
    assert_eq!((propio.id, propio.version), (Some(7), Some(4)));
    assert_eq!(propio.estado, QueueState::Entregado);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_and_that_others_changed_since() {
    let mut e = Fixture::new().await;
    let uuid = e.telefono.create(sample_contenido()).await.unwrap();
    let batch = e.telefono.build_batch(10).await.unwrap();
    e.telefono.edit(&uuid, titulo("Mío")).await.unwrap();
    let suyo = titulo("Del supervisor").apply_to(&sample_contenido());
    let duplicado = json!({"uuid_cliente": uuid, "resultado": "duplicado", "id": 7,
        "version": 1, "actual": reporte(7, &uuid, 2, &suyo)});
    e.telefono
        .apply(&batch, &batch_results(&json!([duplicado])))
        .await
        .unwrap();
    // Against version 1, so that the server sees that both changed the title.
    assert_eq!(item(&mut e).await["version_base"], 1);
}
