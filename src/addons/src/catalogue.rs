//! All addons there are: those built into the binary, and those of the user's own folder.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::AddonError;
use crate::info::Info;

/// An addon and its manifests.
#[derive(Debug, Clone)]
pub struct Addon {
    /// What it is.
    pub info: Info,
    /// Where its files are, unless it is one of rkube's own.
    pub folder: Option<PathBuf>,
    pub(crate) manifests: Cow<'static, str>,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name,
            include_str!(concat!("../../../addons/", $name, "/addon.yaml")),
            include_str!(concat!("../../../addons/", $name, "/manifests.yaml")),
        )),*]
    };
}

/// Name, `addon.yaml` and manifests.
const BUILT_IN: &[(&str, &str, &str)] = built_in![
    "dashboard",
    "default-storageclass",
    "dns",
    "ingress",
    "ingress-dns",
    "metrics-server",
    "registry",
    "storage-provisioner",
];

/// More names than this help nobody.
const SUGGESTIONS: usize = 3;
/// How alike a mistyped name has to be.
const ALIKE: f64 = 0.75;

/// Addons by name.
#[derive(Debug, Clone)]
pub struct Catalogue(BTreeMap<String, Addon>);

impl Catalogue {
    /// What comes with rkube.
    pub fn built_in() -> Result<Self, AddonError> {
        let mut all = BTreeMap::new();
        for (name, info, manifests) in BUILT_IN {
            let addon = Addon::new(name, info, None, Cow::Borrowed(manifests))?;
            all.insert((*name).to_owned(), addon);
        }
        Ok(Self(all))
    }

    /// Also the addons of a folder, each a folder in it: `addon.yaml`, and manifests in all its other YAML files in the
    /// order of their names. Fine if the folder does not exist.
    pub fn with_folder(mut self, folder: &Path) -> Result<Self, AddonError> {
        let entries = match fs_err::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !path.is_dir() || name.starts_with('.') {
                continue;
            }
            if self.0.contains_key(name) {
                let reason = format!("{} has the name of an addon of rkube's own", path.display());
                return Err(malformed(name, reason));
            }
            let info = fs_err::read_to_string(path.join("addon.yaml"))?;
            let manifests = Cow::Owned(manifests_in(&path)?);
            let addon = Addon::new(name, &info, Some(path.clone()), manifests)?;
            self.0.insert(name.to_owned(), addon);
        }
        Ok(self)
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = &Addon> {
        self.0.values()
    }

    /// What a new cluster has by itself, what it cannot do without first.
    pub fn of_every_cluster(&self) -> impl Iterator<Item = &Addon> {
        let required = self.iter().filter(|addon| addon.info.required);
        required.chain(self.iter().filter(|addon| addon.info.default && !addon.info.required))
    }

    /// The addon of a name.
    pub fn find(&self, name: &str) -> Result<&Addon, AddonError> {
        self.0.get(name).ok_or_else(|| AddonError::Unknown {
            name: name.to_owned(),
            near: self.near(name),
        })
    }

    /// The addons of these names and all that they need, each behind what it needs.
    pub fn in_order<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Vec<&Addon>, AddonError> {
        let mut order: Vec<&Addon> = Vec::new();
        for name in names {
            self.visit(name, &mut order, &mut Vec::new())?;
        }
        Ok(order)
    }

    /// The addons of these names alone, each before what it needs: the order to disable them in. Unknown names are left out.
    pub fn out_of_order(&self, names: &[&str]) -> Result<Vec<&Addon>, AddonError> {
        let known = names.iter().copied().filter(|name| self.0.contains_key(*name));
        let mut order = self.in_order(known)?;
        order.retain(|addon| names.contains(&addon.info.name.as_str()));
        order.reverse();
        Ok(order)
    }

    /// Fails if one of the enabled addons needs this one, or nothing can be without it.
    pub fn check_unneeded(&self, addon: &Addon, enabled: impl Fn(&Addon) -> bool) -> Result<(), AddonError> {
        let name = &addon.info.name;
        if addon.info.required {
            return Err(AddonError::Required(name.clone()));
        }
        let by: Vec<String> = self
            .iter()
            .filter(|other| other.info.dependencies.contains(name) && enabled(other))
            .map(|other| other.info.name.clone())
            .collect();
        if by.is_empty() {
            return Ok(());
        }
        Err(AddonError::Needed { name: name.clone(), by })
    }

    fn visit<'a>(&'a self, name: &str, order: &mut Vec<&'a Addon>, path: &mut Vec<&'a str>) -> Result<(), AddonError> {
        let addon = self.find(name)?;
        if order.iter().any(|known| known.info.name == name) {
            return Ok(());
        }
        if path.contains(&name) {
            return Err(malformed(name, format!("needs itself: {}", path.join(" → "))));
        }
        path.push(&addon.info.name);
        for needed in &addon.info.dependencies {
            self.visit(needed, order, path)?;
        }
        path.pop();
        order.push(addon);
        Ok(())
    }

    fn near(&self, name: &str) -> Vec<String> {
        let wanted = name.to_lowercase();
        let alike = |known: &String| {
            if known.contains(&wanted) || wanted.contains(known.as_str()) {
                1.0
            } else {
                strsim::jaro_winkler(known, &wanted)
            }
        };
        let mut near: Vec<(f64, &String)> = self.0.keys().map(|known| (alike(known), known)).collect();
        near.retain(|(likeness, _)| *likeness >= ALIKE);
        near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        near.into_iter()
            .take(SUGGESTIONS)
            .map(|(_, name)| name.clone())
            .collect()
    }
}

impl Addon {
    fn new(name: &str, info: &str, folder: Option<PathBuf>, manifests: Cow<'static, str>) -> Result<Self, AddonError> {
        let info: Info = yaml::from_str(info).map_err(|error| malformed(name, format!("addon.yaml: {error}")))?;
        if info.name != name {
            let reason = format!("addon.yaml calls it {:?}, its folder {name:?}", info.name);
            return Err(malformed(name, reason));
        }
        for (key, setting) in &info.settings {
            let fits = match &setting.default {
                serde_json::Value::String(_) => setting.kind == crate::Kind::String,
                other => setting.kind.parse(&other.to_string()).as_ref() == Some(other),
            };
            if !fits || setting.refuses(&setting.default).is_some() {
                let range = setting.refuses(&setting.default);
                let reason = range.unwrap_or_else(|| format!("no {}", setting.kind.name()));
                return Err(malformed(
                    name,
                    format!("the default of setting {key} is wrong: {reason}"),
                ));
            }
        }
        Ok(Self {
            info,
            folder,
            manifests,
        })
    }
}

pub(crate) fn malformed(addon: &str, reason: String) -> AddonError {
    AddonError::Malformed {
        addon: addon.to_owned(),
        reason,
    }
}

fn manifests_in(folder: &Path) -> Result<String, AddonError> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        if is_yaml && path.file_name().is_some_and(|name| name != "addon.yaml") {
            files.push(path);
        }
    }
    files.sort();
    let texts: Result<Vec<String>, std::io::Error> = files.iter().map(fs_err::read_to_string).collect();
    Ok(texts?.join("\n---\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "name: mine\ntitle: {en: a, zh: b}\nsummary: {en: c, zh: d}\nversion: '1'\n";

    fn own(files: &[(&str, &str)]) -> Result<Catalogue, AddonError> {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("mine")).unwrap();
        for (name, text) in files {
            fs_err::write(folder.path().join("mine").join(name), text).unwrap();
        }
        Catalogue::built_in()?.with_folder(folder.path())
    }

    #[test]
    fn every_folder_of_addons_is_built_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../addons");
        let mut folders: Vec<String> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let built_in: Vec<&str> = BUILT_IN.iter().map(|(name, ..)| *name).collect();
        assert_eq!(folders, built_in);
    }

    #[test]
    fn every_dependency_is_there() {
        let all = Catalogue::built_in().unwrap();
        for addon in all.iter() {
            let order = all.in_order([addon.info.name.as_str()]).unwrap();
            assert_eq!(order.last().unwrap().info.name, addon.info.name);
        }
    }

    #[test]
    fn addons_go_before_what_they_need_whatever_their_names() {
        let all = Catalogue::built_in().unwrap();
        let names = ["default-storageclass", "gone", "registry", "storage-provisioner"];
        let order = all.out_of_order(&names).unwrap();
        let order: Vec<&str> = order.iter().map(|addon| addon.info.name.as_str()).collect();
        let at = |name: &str| order.iter().position(|known| *known == name).unwrap();
        assert_eq!(order.len(), 3);
        assert!(at("registry") < at("storage-provisioner") && at("registry") < at("default-storageclass"));
        assert_eq!(all.out_of_order(&["registry"]).unwrap().len(), 1);
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        let error = Catalogue::built_in().unwrap().find("storage-provisoner").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no addon \"storage-provisoner\"; did you mean storage-provisioner?"
        );
        let error = Catalogue::built_in().unwrap().find("zzz").unwrap_err();
        assert_eq!(error.to_string(), "there is no addon \"zzz\"");
    }

    #[test]
    fn a_users_addon_is_read_in_the_order_of_its_files() {
        let all = own(&[("addon.yaml", INFO), ("b.yaml", "kind: B"), ("a.yaml", "kind: A")]).unwrap();
        assert_eq!(all.find("mine").unwrap().manifests, "kind: A\n---\nkind: B");
    }

    #[test]
    fn a_broken_addon_is_named_with_what_is_wrong() {
        let unknown = own(&[("addon.yaml", &format!("{INFO}tilte: x\n"))])
            .unwrap_err()
            .to_string();
        assert!(unknown.contains("addon mine") && unknown.contains("tilte"), "{unknown}");
        let other = own(&[("addon.yaml", &INFO.replace("mine", "other"))])
            .unwrap_err()
            .to_string();
        assert!(other.contains("calls it \"other\""), "{other}");
        let setting = "settings: {size: {type: integer, default: big, description: {en: a, zh: b}}}\n";
        let wrong = own(&[("addon.yaml", &format!("{INFO}{setting}"))])
            .unwrap_err()
            .to_string();
        assert!(
            wrong.contains("the default of setting size is wrong: no integer"),
            "{wrong}"
        );
        let circle = format!("{INFO}dependencies: [mine]\n");
        let circle = own(&[("addon.yaml", &circle)]).unwrap().in_order(["mine"]).unwrap_err();
        assert!(circle.to_string().contains("needs itself"), "{circle}");
    }
}
