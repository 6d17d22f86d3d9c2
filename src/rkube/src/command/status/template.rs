//! `--format`: of Go's templates what minikube's users write there: text, fields, and quoted text such as `{{"\n"}}`.

use cluster::NodeStatus;

/// A field's name and how it is read.
type Field = (&'static str, fn(&NodeStatus) -> String);

const FIELDS: [Field; 6] = [
    ("Name", |node| node.name.clone()),
    ("Host", |node| format!("{:?}", node.host)),
    ("Kubelet", |node| format!("{:?}", node.kubelet)),
    ("APIServer", |node| format!("{:?}", node.api_server)),
    ("Kubeconfig", |node| format!("{:?}", node.kubeconfig)),
    ("Worker", |node| node.worker.to_string()),
];

#[derive(Debug)]
enum Part {
    Text(String),
    Field(fn(&NodeStatus) -> String),
}

/// What is said of each node.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

impl Template {
    /// The error says what is wrong, and what there is.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after
                .split_once("}}")
                .ok_or_else(|| format!("{{{{ without }}}} in {text:?}; {}", known()))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(action(inside.trim())?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text for one node.
    pub(super) fn fill(&self, node: &NodeStatus) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(read) => read(node),
        });
        parts.collect()
    }
}

fn action(inside: &str) -> Result<Part, String> {
    if let Some(name) = inside.strip_prefix('.')
        && let Some((_, read)) = FIELDS.iter().find(|(field, _)| *field == name)
    {
        return Ok(Part::Field(*read));
    }
    // Go's quoted text is JSON's, as far as anybody writes it here
    match serde_json::from_str::<String>(inside) {
        Ok(text) => Ok(Part::Text(text)),
        Err(_) => Err(format!("{{{{{inside}}}}} is no field; {}", known())),
    }
}

fn known() -> String {
    let names: Vec<String> = FIELDS.iter().map(|(name, _)| format!("{{{{.{name}}}}}")).collect();
    format!("there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use cluster::{Kubeconfig, State};

    use super::*;

    fn fill(template: &str) -> Result<String, String> {
        let node = NodeStatus {
            name: "demo-m02".to_owned(),
            host: State::Running,
            kubelet: State::Stopped,
            api_server: State::Irrelevant,
            kubeconfig: Kubeconfig::Irrelevant,
            worker: true,
        };
        Template::parse(template).map(|template| template.fill(&node))
    }

    #[test]
    fn fields_stand_between_text_with_spaces_or_without() {
        assert_eq!(fill("{{.Name}}: {{ .Host }}!").unwrap(), "demo-m02: Running!");
        assert_eq!(
            fill("{{.Kubelet}} {{.APIServer}} {{.Kubeconfig}} {{.Worker}}").unwrap(),
            "Stopped Irrelevant Irrelevant true"
        );
        assert_eq!(fill(r#"{{.Host}}{{"\t"}}x"#).unwrap(), "Running\tx");
        assert_eq!(fill("plain").unwrap(), "plain");
    }

    #[test]
    fn what_is_no_template_is_refused_with_the_fields_there_are() {
        for template in [
            "{{.Hots}}",
            "{{.Host",
            "{{Host}}",
            "{{if .Host}}x{{end}}",
            "{{}}",
            "{{.}}",
        ] {
            let error = fill(template).unwrap_err();
            assert!(error.contains("{{.Host}}, {{.Kubelet}}"), "{template}: {error}");
        }
    }
}
