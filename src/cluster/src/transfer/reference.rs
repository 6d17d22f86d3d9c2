//! Image references in full.

/// `nginx` as `docker.io/library/nginx:latest`, as container runtimes read it.
pub(super) fn full(reference: &str) -> String {
    let (name, tag) = match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    };
    let name = match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    };
    format!("{name}:{tag}")
}

#[cfg(test)]
mod tests {
    use super::full;

    #[test]
    fn short_names_belong_to_the_default_registry() {
        for (short, long) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("me/app:1", "docker.io/me/app:1"),
            ("rkube.test/nginx:1", "rkube.test/nginx:1"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("docker.io/library/redis:7", "docker.io/library/redis:7"),
        ] {
            assert_eq!(full(short), long);
        }
    }
}
