//! What the server says of itself while its disk is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use serde_json::json;
use store::{BoxFuture, Disk, Embedded, Entry, Range, RangeQuery, Revision, Store, StoreError, Watch, Write};

use super::Server;

/// A store whose disk can fill up.
#[derive(Debug)]
struct Filling {
    store: Embedded,
    is_full: AtomicBool,
}

impl Store for Filling {
    fn revision(&self) -> Revision {
        self.store.revision()
    }
    fn get(&self, key: &str) -> BoxFuture<'_, Result<Option<Arc<Entry>>, StoreError>> {
        self.store.get(key)
    }
    fn range<'a>(&'a self, query: RangeQuery<'a>) -> BoxFuture<'a, Result<Range, StoreError>> {
        self.store.range(query)
    }
    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<Arc<Entry>>, StoreError>> {
        match self.ailment() {
            Some(reason) => Box::pin(std::future::ready(Err(StoreError::Disk(reason)))),
            None => self.store.commit(writes),
        }
    }
    fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        self.store.watch(prefix, after)
    }
    fn ailment(&self) -> Option<String> {
        let is_full = self.is_full.load(Ordering::Relaxed);
        is_full.then(|| "No space left on device".to_owned())
    }
    fn compact(&self, revision: Revision) {
        self.store.compact(revision);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_reads_go_on() {
    let store = Arc::new(Filling {
        store: Embedded::start(Disk::in_memory().unwrap()).unwrap(),
        is_full: AtomicBool::new(false),
    });
    let server = Server::on(Arc::clone(&store) as Arc<dyn Store>, schema::Served::default()).await;
    assert_eq!(server.get("/readyz").await, (StatusCode::OK, json!("ok")));
    store.is_full.store(true, Ordering::Relaxed);
    let failed = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n";
    for name in ["healthz", "livez", "readyz"] {
        let (status, said) = server.get(&format!("/{name}")).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(said, format!("{failed}{name} check failed\n"));
    }
    assert_eq!(server.get("/readyz/etcd").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(server.get("/readyz/ping").await, (StatusCode::OK, json!("ok")));
    assert_eq!(server.get("/readyz?exclude=etcd").await, (StatusCode::OK, json!("ok")));
    assert_eq!(server.get("/readyz/nothing").await.0, StatusCode::NOT_FOUND);
    let (_, component) = server.get("/api/v1/componentstatuses/etcd-0").await;
    assert_eq!(component["conditions"][0]["message"], "No space left on device");
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}});
    let (status, refused) = server.post("/api/v1/namespaces/default/configmaps", &object).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        refused["message"].as_str().unwrap().contains("No space left on device"),
        "{refused}"
    );
    assert_eq!(server.get("/api/v1/namespaces/default").await.0, StatusCode::OK);
    store.is_full.store(false, Ordering::Relaxed);
    assert_eq!(server.get("/readyz").await, (StatusCode::OK, json!("ok")));
    assert_eq!(
        server.post("/api/v1/namespaces/default/configmaps", &object).await.0,
        StatusCode::CREATED
    );
}
