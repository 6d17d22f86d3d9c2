//! The shapes of the table's rows.

/// A message: what upstream has as a Go struct.
#[derive(Debug)]
pub struct Type {
    /// Name as in OpenAPI, for example `io.k8s.api.core.v1.PodSpec`.
    pub name: &'static str,
    /// JSON fields sorted by name, inlined messages flattened.
    pub fields: &'static [Field],
    /// Indices into `fields` in order of the wire: by the numbers of [`Field::within`], then [`Field::number`].
    pub wire: &'static [u16],
    /// JSON documents of this type have `apiVersion` and `kind`, which are not among the fields.
    pub kind: bool,
    /// A merge replaces values of this type as a whole.
    pub atomic: bool,
}

impl Type {
    /// The field with this JSON name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields
            .binary_search_by(|field| field.name.cmp(name))
            .ok()
            .map(|index| &self.fields[index])
    }

    /// The last part of the name, for example `PodSpec`.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

/// Two types are the same if they have the same name.
impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Type {}

/// One JSON field of a [`Type`].
#[derive(Debug)]
pub struct Field {
    /// JSON name.
    pub name: &'static str,
    /// Protobuf number in the innermost message.
    pub number: u32,
    /// Protobuf numbers of the inlined messages around the field, outermost first; JSON does not show them.
    pub within: &'static [u32],
    /// Type of the value.
    pub ty: FieldType,
    /// Listed as required in OpenAPI.
    pub required: bool,
    /// Upstream's encoder can tell an explicit zero from unset.
    pub pointer: bool,
    /// JSON that upstream's encoder writes when the field is unset; none if it leaves the field out.
    pub zero: Option<&'static str>,
    /// Declared default as JSON.
    pub default: Option<&'static str>,
    /// How a list merges in server-side apply.
    pub list: ListType,
    /// Keys of a [`ListType::Map`].
    pub keys: &'static [&'static str],
    /// How the field merges in a strategic merge patch, if not by the default rule of its type.
    pub patch: Option<PatchStrategy>,
    /// The map or structure is replaced as a whole in server-side apply.
    pub atomic: bool,
}

/// How a list merges in server-side apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// Replaced as a whole.
    Atomic,
    /// Items are scalars and their own keys.
    Set,
    /// Items are objects identified by [`Field::keys`].
    Map,
}

/// `patchStrategy` and `patchMergeKey`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchStrategy {
    /// Lists merge by `key`, or as sets if there is none. False: replaced.
    pub merge: bool,
    /// Keys not named in the patch's `$retainKeys` are removed.
    pub retain_keys: bool,
    /// Merge key of a list of objects.
    pub key: Option<&'static str>,
}

/// Type of a field's value.
#[derive(Debug, Clone, Copy)]
pub enum FieldType {
    /// Text.
    String,
    /// Base64 in JSON.
    Bytes,
    /// True or false.
    Bool,
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed.
    Int64,
    /// Floating point.
    Double,
    /// `resource.Quantity`: text in JSON; message with a text on the wire.
    Quantity,
    /// `meta/v1.Time`: RFC 3339, seconds.
    Time,
    /// `meta/v1.MicroTime`: RFC 3339, microseconds.
    MicroTime,
    /// `meta/v1.Duration`: Go's duration format.
    Duration,
    /// A number or a text.
    IntOrString,
    /// Any object, with apiVersion and kind.
    RawExtension,
    /// Set of field paths, JSON bytes on the wire.
    FieldsV1,
    /// Any JSON, JSON bytes on the wire.
    Json,
    /// A list of texts that is a message of its own on the wire (`ExtraValue`, `Verbs`).
    Strings,
    /// A JSON schema or a list of them.
    SchemaOrArray,
    /// A JSON schema or true or false.
    SchemaOrBool,
    /// A JSON schema or a list of texts.
    SchemaOrStrings,
    /// An object.
    Message(&'static Type),
    /// A list.
    List(&'static FieldType),
    /// A map from text.
    Map(&'static FieldType),
}

/// A kind, whether or not it is a resource.
#[derive(Debug)]
pub struct Kind {
    /// API group; empty for core.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Its message.
    pub ty: &'static Type,
}

/// A resource as discovery shows it.
#[derive(Debug)]
pub struct Resource {
    /// API group; empty for core.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind of its objects.
    pub kind: &'static str,
    /// Kind of its lists; empty if it cannot be listed.
    pub list_kind: &'static str,
    /// Name in URLs.
    pub plural: &'static str,
    /// Name of one.
    pub singular: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Hash of the storage version as upstream's discovery shows it.
    pub hash: &'static str,
    /// Message of the objects.
    pub ty: &'static Type,
    /// Short names for kubectl.
    pub short_names: &'static [&'static str],
    /// Categories for kubectl.
    pub categories: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Subresources.
    pub subresources: &'static [Subresource],
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The subresource of this name.
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }

    /// Whether discovery lists the verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }
}

/// A subresource.
#[derive(Debug)]
pub struct Subresource {
    /// Last part of the URL, for example `status`.
    pub name: &'static str,
    /// API group of its kind.
    pub group: &'static str,
    /// API version of its kind.
    pub version: &'static str,
    /// Kind of its body.
    pub kind: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
}

/// An API group.
#[derive(Debug)]
pub struct Group {
    /// Name; empty for core.
    pub name: &'static str,
    /// Versions, the preferred one first.
    pub versions: &'static [&'static str],
}
