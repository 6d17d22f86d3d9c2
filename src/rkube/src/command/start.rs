//! `rkube start`.

use std::process::ExitCode;

use cluster::{ClusterError, Engine, StartOptions};
use serde_json::json;

use super::{Outcome, addons, bundle, extra_config, machine, mirrors, rehearse};
use crate::cli::Start;
use crate::context::{Context, Paths};

pub(super) async fn run(context: &Context, args: Start) -> Outcome {
    // one that an older version made keeps its name
    if !matches!(context.profiles.read(&context.profile), Ok(Some(_))) {
        cluster::check_name(&context.profile)?;
    }
    // a mistyped name must not cost a cluster
    addons::check(context, &args.addons)?;
    let extra_config = extra_config::read(args.extra_config)?;
    // before the profile is read: it must not change any more
    let _lock = if args.dry_run {
        None
    } else {
        Some(context.lock().await?)
    };
    let known = context.profiles.read(&context.profile)?;
    let engine = machine::engine(context, known.as_ref(), &args.machine)?;
    match &args.bundle {
        Some(file) if args.dry_run => rehearse::bundle(file)?,
        Some(file) => bundle::load(context, file).await.map(drop)?,
        None => {}
    }
    let engine = Engine::connect(&engine).await?;
    let options = StartOptions {
        name: context.profile.clone(),
        nodes: args.nodes,
        subnet: args.subnet,
        api_port: args.apiserver_port,
        cluster_cidr: args.pod_cidr,
        service_cidr: args.service_cluster_ip_range,
        dns_domain: args.dns_domain,
        image: args.base_image,
        mirrors: mirrors::of_flags(args.mirrors)?,
        composer: context.composer(&args.sources.debian_mirror),
        binary: Paths::binary()?,
        kubeconfig: context.kubeconfig.clone(),
        extra_config,
        limits: machine::limits(&args.machine),
        keep_context: args.keep_context,
        proxies: context.proxies.clone(),
        patience: args.wait_timeout,
        delete_on_failure: args.delete_on_failure,
    };
    if let Some(known) = &known {
        machine::note_what_stays(context, known, &args.machine);
    }
    if args.dry_run {
        return rehearse::run(context, &engine, &options, &args.addons).await;
    }
    let shown = context.ui.start(&options.name);
    let progress = shown.receiver();
    let outcome = cluster::start(&engine, &context.profiles, &options, &progress, Box::pin(interrupt())).await;
    shown.finish();
    let started = outcome?;
    let rest = async {
        bundle::nodes(context, &engine, &started.profile).await?;
        addons::after_start(context, &started.profile, &args.addons, options.patience).await
    };
    // the cluster is there and stays; another `start` does what is left
    tokio::select! {
        done = rest => done?,
        () = interrupt() => return Err(ClusterError::Interrupted.into()),
    }
    let text = context.ui.text();
    if let (Some(http), Some(https)) = (started.profile.http_port, started.profile.https_port)
        && started.changed
        && (http, https) != (80, 443)
    {
        let places = format!("http://127.0.0.1:{http}, https://127.0.0.1:{https}");
        context.ui.note(&text.ingress_at.replace("{}", &places));
    }
    context.ui.result(
        || {
            let line = match started.changed {
                true if options.keep_context => text.start_done_kept,
                true => text.start_done,
                false => text.start_unchanged,
            };
            line.replace("{}", &options.name)
        },
        || {
            let nodes: Vec<_> = started
                .profile
                .nodes
                .iter()
                .map(|node| json!({ "name": node.name, "ip": node.ip }))
                .collect();
            json!({
                "name": options.name, "changed": started.changed, "server": started.profile.server(),
                "image": started.profile.image, "nodes": nodes,
                "ingress": { "http": started.profile.http_port, "https": started.profile.https_port },
                "registry": started.profile.registry_port,
            })
        },
    );
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C.
async fn interrupt() {
    // without a handler there is nothing to wait for
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
