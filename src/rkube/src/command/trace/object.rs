//! `rkube trace TYPE/NAME`: what happened to an object, from the traces that tell of it, and where none tells how it came to be,
//! from what the cluster itself still shows.

use std::process::ExitCode;

use http::Request;
use kube::Client;
use serde_json::{Value, json};
use traces::{Asked, Change, Id, Object, Step, Story, Summary, What};

use super::kinds::{self, Found};
use super::{Outcome, explain, history, show, wait};
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, client: &Client, asked: &str, namespace: &str, learn: bool) -> Outcome {
    let (kind, name) = kinds::split(asked)?;
    let found = kinds::find(client, kind, name, namespace).await?;
    let stories = stories(client, &found.object).await?;
    let live = live(client, &found.path).await?;
    let mut moments = Vec::new();
    if !stories
        .iter()
        .any(|(_, story)| tells_the_beginning(story, &found.object))
    {
        let events = events(client, &found.object).await?;
        let steps = match &live {
            Some(live) => steps(client, &found.object, live).await,
            None => Vec::new(),
        };
        moments = history::of(live.as_ref(), &events, &steps, context.ui.text());
    }
    if stories.is_empty() && moments.is_empty() {
        return Err(Failure::no_object(&found.object));
    }
    let text = || text(context, &found, &stories, &moments, live.as_ref(), learn);
    let told = || {
        let stories = stories.iter().map(|(id, story)| json!({ "id": id, "story": story }));
        json!({ "object": found.object, "exists": live.is_some(), "traces": stories.collect::<Vec<_>>(), "history": moments })
    };
    context.ui.result(text, told);
    Ok(ExitCode::SUCCESS)
}

fn text(
    context: &Context,
    found: &Found,
    stories: &[(Id, Story)],
    moments: &[history::Moment],
    live: Option<&Value>,
    learn: bool,
) -> String {
    let messages = context.ui.text();
    let word = |name: &str| explain::word(name, messages).replace("{}", &show::named(&found.object));
    let mut lines = Vec::new();
    if !moments.is_empty() {
        lines.push(word(if stories.is_empty() { "noTrace" } else { "noBeginning" }));
        lines.extend(history::lines(moments).into_iter().map(|line| format!("  {line}")));
        // the story may go on above it
        let owner = live.and_then(|live| live.pointer("/metadata/ownerReferences/0"));
        if let Some(owner) = owner {
            let text = |field: &str| owner[field].as_str().unwrap_or_default().to_lowercase();
            let place = match found.object.namespace.as_str() {
                "" => String::new(),
                namespace => format!(" -n {namespace}"),
            };
            let command = format!("`rkube trace {}/{}{place}`", text("kind"), text("name"));
            lines.push(explain::word("ofOwner", messages).replace("{}", &command));
        }
    }
    for (id, story) in stories {
        let title = explain::word("traceOf", messages).replace("{}", &show::clock(story.began));
        lines.push(format!("{title}  {id}"));
        lines.push(show::story(story, messages, learn));
    }
    if live.is_none() {
        lines.push(word("gone"));
    }
    lines.join("\n")
}

/// The branches of remembered traces that are about the object, oldest first.
async fn stories(client: &Client, object: &Object) -> Result<Vec<(Id, Story)>, Failure> {
    let Object {
        group,
        resource,
        namespace,
        name,
        ..
    } = object;
    let path = format!("/traces?group={group}&resource={resource}&namespace={namespace}&name={name}");
    let list: Value = wait::get(client, &path).await?;
    let list: Vec<Summary> = serde_json::from_value(list["traces"].clone()).unwrap_or_default();
    let mut stories = Vec::new();
    for Summary { id, .. } in list.into_iter().rev() {
        match wait::fetch(client, &id).await {
            Ok(story) => stories.extend(story.about(object).map(|story| (id, story))),
            // pushed out of the rings meanwhile
            Err(failure) if failure.is_no_trace() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(stories)
}

fn tells_the_beginning(story: &Story, object: &Object) -> bool {
    story.entries.iter().any(|entry| match &entry.what {
        What::Request(Asked { written, .. }) | What::Write(written) => {
            written.change == Change::Created && written.object.is(object)
        }
        _ => false,
    })
}

async fn live(client: &Client, path: &str) -> Result<Option<Value>, Failure> {
    match wait::get(client, path).await {
        Ok(live) => Ok(Some(live)),
        Err(failure) if failure.is_no_trace() => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn events(client: &Client, object: &Object) -> Result<Vec<Value>, Failure> {
    let namespace = match object.namespace.as_str() {
        "" => "default",
        namespace => namespace,
    };
    let path = format!(
        "/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name%3D{},involvedObject.kind%3D{}",
        object.name, object.kind
    );
    let list: Value = wait::get(client, &path).await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// What its kubelet remembers of a pod; one that does not answer has nothing to tell.
async fn steps(client: &Client, object: &Object, live: &Value) -> Vec<(String, Step)> {
    let text = |path: &str| {
        live.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (node, uid) = (text("/spec/nodeName"), text("/metadata/uid"));
    if node.is_empty() || object.resource != "pods" || !object.group.is_empty() {
        return Vec::new();
    }
    let path = format!("/api/v1/nodes/{node}/proxy/traces?uid={uid}");
    let Ok(request) = Request::get(path).body(Vec::new()) else {
        return Vec::new();
    };
    let steps: Result<Vec<Step>, Failure> = wait::ask(client, request).await;
    steps
        .unwrap_or_default()
        .into_iter()
        .map(|step| (node.clone(), step))
        .collect()
}
