//! Short constructors for the generated tables.

pub(crate) use crate::types::FieldType::{
    Bool, Bytes, Double, FieldsV1, Int32, Int64, IntOrString, Json, List, Map, Message, MicroTime, Quantity,
    RawExtension, SchemaOrArray, SchemaOrBool, SchemaOrStrings, String, Strings, Time,
};
pub(crate) use crate::types::{Field, FieldType, ListType, PatchStrategy, Type};

pub(crate) const fn f(name: &'static str, number: u32, ty: FieldType) -> Field {
    Field {
        name,
        number,
        within: &[],
        ty,
        required: false,
        pointer: false,
        zero: None,
        default: None,
        list: ListType::Atomic,
        keys: &[],
        patch: None,
        atomic: false,
    }
}

impl Field {
    pub(crate) const fn within(mut self, numbers: &'static [u32]) -> Self {
        self.within = numbers;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn pointer(mut self) -> Self {
        self.pointer = true;
        self
    }

    pub(crate) const fn zero(mut self, json: &'static str) -> Self {
        self.zero = Some(json);
        self
    }

    pub(crate) const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    pub(crate) const fn list_map(mut self, keys: &'static [&'static str]) -> Self {
        self.list = ListType::Map;
        self.keys = keys;
        self
    }

    pub(crate) const fn list_set(mut self) -> Self {
        self.list = ListType::Set;
        self
    }

    pub(crate) const fn patch(mut self, merge: bool, retain_keys: bool, key: Option<&'static str>) -> Self {
        self.patch = Some(PatchStrategy {
            merge,
            retain_keys,
            key,
        });
        self
    }

    pub(crate) const fn atomic(mut self) -> Self {
        self.atomic = true;
        self
    }
}
