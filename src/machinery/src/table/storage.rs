//! Volumes, claims, classes and drivers.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, NAME, boolean, integer, text, wide};
use super::object::Cells;

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "",
        kind: "PersistentVolume",
        columns: &[
            NAME,
            text("Capacity"),
            text("Access Modes"),
            text("Reclaim Policy"),
            text("Status"),
            text("Claim"),
            text("StorageClass"),
            text("VolumeAttributesClass"),
            text("Reason"),
            AGE,
            wide("VolumeMode"),
        ],
        cells: volume,
    },
    Printer {
        group: "",
        kind: "PersistentVolumeClaim",
        columns: &[
            NAME,
            text("Status"),
            text("Volume"),
            text("Capacity"),
            text("Access Modes"),
            text("StorageClass"),
            text("VolumeAttributesClass"),
            AGE,
            wide("VolumeMode"),
        ],
        cells: claim,
    },
    Printer {
        group: "storage.k8s.io",
        kind: "StorageClass",
        columns: &[
            NAME,
            text("Provisioner"),
            text("ReclaimPolicy"),
            text("VolumeBindingMode"),
            text("AllowVolumeExpansion"),
            AGE,
        ],
        cells: class,
    },
    Printer {
        group: "storage.k8s.io",
        kind: "VolumeAttributesClass",
        columns: &[NAME, text("DriverName"), AGE],
        cells: |c| vec![c.name(), c.text("/driverName"), c.age()],
    },
    Printer {
        group: "storage.k8s.io",
        kind: "VolumeAttachment",
        columns: &[
            NAME,
            text("Attacher"),
            text("PV"),
            text("Node"),
            boolean("Attached"),
            AGE,
        ],
        cells: |c| {
            let attached = c.at("/status/attached").cloned().unwrap_or(Value::Bool(false));
            let volume = c.text("/spec/source/persistentVolumeName");
            vec![
                c.name(),
                c.text("/spec/attacher"),
                volume,
                c.text("/spec/nodeName"),
                attached,
                c.age(),
            ]
        },
    },
    Printer {
        group: "storage.k8s.io",
        kind: "CSINode",
        columns: &[NAME, integer("Drivers"), AGE],
        cells: |c| vec![c.name(), c.list("/spec/drivers").len().into(), c.age()],
    },
    Printer {
        group: "storage.k8s.io",
        kind: "CSIDriver",
        columns: &[
            NAME,
            boolean("AttachRequired"),
            boolean("PodInfoOnMount"),
            boolean("StorageCapacity"),
            text("TokenRequests"),
            boolean("RequiresRepublish"),
            text("Modes"),
            AGE,
        ],
        cells: driver,
    },
    Printer {
        group: "storage.k8s.io",
        kind: "CSIStorageCapacity",
        columns: &[NAME, text("StorageClassName"), text("Capacity")],
        cells: |c| vec![c.name(), c.text("/storageClassName"), c.text_or("/capacity", "<unset>")],
    },
];

/// `RWO,ROX`, each once, in upstream's order.
fn access_modes(c: &Cells<'_>, pointer: &str) -> String {
    let modes = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |mode: &str| c.list(pointer).iter().any(|value| value == mode);
    let found: Vec<&str> = modes
        .iter()
        .filter(|(mode, _)| has(mode))
        .map(|(_, short)| *short)
        .collect();
    found.join(",")
}

/// The class, by annotation for old objects.
fn storage_class(c: &Cells<'_>) -> Value {
    let annotation = c.str("/metadata/annotations/volume.beta.kubernetes.io~1storage-class");
    if annotation.is_empty() {
        c.text("/spec/storageClassName")
    } else {
        annotation.into()
    }
}

fn phase(c: &Cells<'_>) -> Value {
    if c.is_deleting() {
        "Terminating".into()
    } else {
        c.text("/status/phase")
    }
}

fn volume(c: &Cells<'_>) -> Vec<Value> {
    let claim = match c.at("/spec/claimRef") {
        Some(_) => format!("{}/{}", c.str("/spec/claimRef/namespace"), c.str("/spec/claimRef/name")),
        None => String::new(),
    };
    vec![
        c.name(),
        c.text_or("/spec/capacity/storage", "0"),
        access_modes(c, "/spec/accessModes").into(),
        c.text("/spec/persistentVolumeReclaimPolicy"),
        phase(c),
        claim.into(),
        storage_class(c),
        c.text_or("/spec/volumeAttributesClassName", "<unset>"),
        c.text("/status/reason"),
        c.age(),
        c.text_or("/spec/volumeMode", "<unset>"),
    ]
}

fn claim(c: &Cells<'_>) -> Vec<Value> {
    let bound = !c.str("/spec/volumeName").is_empty();
    let capacity = if bound {
        c.text_or("/status/capacity/storage", "0")
    } else {
        "".into()
    };
    let modes = if bound {
        access_modes(c, "/status/accessModes")
    } else {
        String::new()
    };
    vec![
        c.name(),
        phase(c),
        c.text("/spec/volumeName"),
        capacity,
        modes.into(),
        storage_class(c),
        c.text_or("/spec/volumeAttributesClassName", "<unset>"),
        c.age(),
        c.text_or("/spec/volumeMode", "<unset>"),
    ]
}

fn class(c: &Cells<'_>) -> Vec<Value> {
    let default = [
        "storageclass.kubernetes.io~1is-default-class",
        "storageclass.beta.kubernetes.io~1is-default-class",
    ];
    let default = default
        .iter()
        .any(|name| c.str(&format!("/metadata/annotations/{name}")) == "true");
    let name = format!("{}{}", c.str("/metadata/name"), if default { " (default)" } else { "" });
    let expansion = c.at("/allowVolumeExpansion").cloned().unwrap_or(Value::Bool(false));
    vec![
        name.into(),
        c.text("/provisioner"),
        c.text_or("/reclaimPolicy", "Delete"),
        c.text_or("/volumeBindingMode", "<unset>"),
        expansion,
        c.age(),
    ]
}

fn driver(c: &Cells<'_>) -> Vec<Value> {
    let flag = |name: &str, default: bool| {
        c.at(&format!("/spec/{name}"))
            .and_then(Value::as_bool)
            .unwrap_or(default)
            .into()
    };
    let joined = |pointer: &str, field: Option<&str>| {
        let values = c
            .list(pointer)
            .iter()
            .map(|value| field.map_or(value, |field| &value[field]));
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        if values.is_empty() {
            "<unset>".to_owned()
        } else {
            values.join(",")
        }
    };
    vec![
        c.name(),
        flag("attachRequired", true),
        flag("podInfoOnMount", false),
        flag("storageCapacity", false),
        joined("/spec/tokenRequests", Some("audience")).into(),
        flag("requiresRepublish", false),
        joined("/spec/volumeLifecycleModes", None).into(),
        c.age(),
    ]
}
