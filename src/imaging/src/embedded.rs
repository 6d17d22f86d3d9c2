//! Recipes and public keys that ship in the binary, so that a machine with nothing on it can compose.

use crate::{ImagingError, Recipe};

const RECIPES: &[(&str, &str)] = &[
    ("node", include_str!("../../../images/node/recipe.yaml")),
    ("busybox", include_str!("../../../images/test/busybox.yaml")),
    ("etcd", include_str!("../../../images/test/etcd.yaml")),
    ("mariadb", include_str!("../../../images/test/mariadb.yaml")),
    ("nginx", include_str!("../../../images/test/nginx.yaml")),
    ("node-exporter", include_str!("../../../images/test/node-exporter.yaml")),
    ("php", include_str!("../../../images/test/php.yaml")),
    ("prometheus", include_str!("../../../images/test/prometheus.yaml")),
    ("redis", include_str!("../../../images/test/redis.yaml")),
    ("registry", include_str!("../../../images/addons/registry.yaml")),
];

/// Debian's archive keys: armored, each with its subkeys.
pub(crate) const KEYS: [&str; 3] = [
    include_str!("../../../images/keys/debian-trixie-automatic.asc"),
    include_str!("../../../images/keys/debian-trixie-stable.asc"),
    include_str!("../../../images/keys/debian-trixie-security-automatic.asc"),
];

/// The recipe shipped under `name`.
pub fn recipe(name: &str) -> Option<Result<Recipe, ImagingError>> {
    RECIPES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(known, text)| Recipe::parse(known, text))
}

/// Names of the recipes that ship.
pub fn recipe_names() -> impl Iterator<Item = &'static str> {
    RECIPES.iter().map(|(name, _)| *name)
}
