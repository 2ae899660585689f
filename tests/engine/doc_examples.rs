//! Every public type and module has an example in its documentation: read from the source, along the paths that users take.
//!
//! From `lib.rs`, public modules are followed, and what they publish of others; what is hidden from the documentation is left out. A
//! plain record may name the type in whose example it stands, in a line of its own: "See the example of [`X`]."

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules without an example, and why.
const PROSE: [(&str, &str); 1] = [("guide::speed", "advice: figures, and settings of Cargo")];

/// Types that have none yet: parts of printed formulas; and those of `text`, whose module has one.
const WITHOUT: [&str; 5] = ["explain::Statement", "ops::Arguments", "ops::Rust", "ops::RustFunction", "ops::RustPair"];

/// The module of the elementwise ops. A struct of it needs no example of its own where the module's documentation names it: there is
/// one for each family, as `grad(|x| x.sin(), 0.0)` says no less of cos.
const FAMILIES: &str = "ops";

/// A type as it stands in the source.
struct Type {
    name: String,
    hidden: bool,
    documentation: Vec<String>,
}

/// What a module publishes of another.
struct Published {
    /// The module as it is written.
    from: String,
    /// The name, or `*` for all.
    name: String,
}

#[derive(Default)]
struct Module {
    documentation: Vec<String>,
    types: Vec<Type>,
    published: Vec<Published>,
    /// The modules in it, each with whether it is public.
    children: Vec<(String, bool)>,
}

/// The modules of the library by their paths; the crate's own is empty.
type Modules = BTreeMap<String, Module>;

fn library() -> Modules {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Modules::new();
    read(&root.join("lib.rs"), &root, "", &mut found);
    found
}

/// Reads a module from its file, and the modules in it from its folder.
fn read(file: &Path, folder: &Path, path: &str, found: &mut Modules) {
    let module = parse(&fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    for (name, _) in &module.children {
        let inside = folder.join(name);
        let alone = folder.join(format!("{name}.rs"));
        let file = if alone.exists() { alone } else { inside.join("mod.rs") };
        read(&file, &inside, &joined(path, name), found);
    }
    found.insert(path.to_owned(), module);
}

fn parse(text: &str) -> Module {
    let mut module = Module::default();
    let (mut documentation, mut attributes) = (Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(raw) = lines.next() {
        let line = raw.trim();
        if let Some(said) = line.strip_prefix("//!") {
            module.documentation.push(said.trim().to_owned());
        } else if let Some(said) = line.strip_prefix("///") {
            documentation.push(said.trim().to_owned());
        } else if line.starts_with("#[") {
            attributes.push_str(line);
            let mut end = line;
            while !end.ends_with(']') {
                end = lines.next().expect("the end of an attribute").trim();
                attributes.push_str(end);
            }
        } else {
            let documentation = std::mem::take(&mut documentation);
            let attributes = std::mem::take(&mut attributes);
            let (public, item) = visibility(line);
            if let Some(name) = item.strip_prefix("mod ").and_then(|name| name.strip_suffix(" {")) {
                // A module within the file, as of tests: users have no path into one.
                assert!(!public, "mod {name} is public: give it a file, from which it is read");
                let end = format!("{}}}", &raw[..raw.len() - raw.trim_start().len()]);
                lines.find(|line| *line == end).expect("the end of a module");
            } else if !attributes.contains("cfg(test)") && !attributes.contains("cfg(doctest)") {
                let hidden = attributes.contains("doc(hidden)");
                if let Some(name) = item.strip_prefix("mod ").and_then(|name| name.strip_suffix(';')) {
                    module.children.push((name.to_owned(), public && !hidden));
                } else if let Some(used) = item.strip_prefix("use ").filter(|_| public && !hidden) {
                    let mut used = used.to_owned();
                    while !used.ends_with(';') {
                        used.push_str(lines.next().expect("the end of a use").trim());
                    }
                    module.published.extend(published(used.trim_end_matches(';')));
                } else if let Some(name) = type_name(item).filter(|_| public) {
                    module.types.push(Type { name, hidden, documentation });
                }
            }
        }
    }
    module
}

/// Whether an item is public, and the item without what says so.
fn visibility(line: &str) -> (bool, &str) {
    let inside = ["pub(crate) ", "pub(super) "].iter().find_map(|start| line.strip_prefix(start));
    match (line.strip_prefix("pub "), inside) {
        (Some(item), _) => (true, item),
        (None, Some(item)) => (false, item),
        (None, None) => (false, line),
    }
}

/// The name of the type that a line begins; of one that a macro names, none.
fn type_name(item: &str) -> Option<String> {
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| item.strip_prefix(kind))?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The types of a use, and `*`. Functions, crates and constants are left out, by how they are spelt.
fn published(used: &str) -> Vec<Published> {
    let (from, names) = match used.split_once("::{") {
        Some((from, names)) => (from, names.trim_end_matches('}')),
        None => used.rsplit_once("::").unwrap_or(("", used)),
    };
    let is_type = |name: &str| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    let names = names.split(',').map(str::trim).filter(|name| *name == "*" || is_type(name));
    names.map(|name| Published { from: from.to_owned(), name: name.to_owned() }).collect()
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") }
}

/// The module that a use in the module of this path names.
fn target(path: &str, from: &str) -> String {
    from.strip_prefix("crate::").map_or_else(|| joined(path, from), str::to_owned)
}

/// The types that the module publishes, of its own and of others; of others by one name, or all.
fn types<'m>(modules: &'m Modules, path: &str, wanted: &str) -> Vec<&'m Type> {
    let module = modules.get(path).unwrap_or_else(|| panic!("no module {path:?}"));
    let meant = |name: &str| wanted == "*" || wanted == name;
    let mut found: Vec<&Type> = module.types.iter().filter(|kind| meant(&kind.name)).collect();
    for other in module.published.iter().filter(|other| other.name == "*" || meant(&other.name)) {
        let inside = types(modules, &target(path, &other.from), &other.name);
        assert!(other.name == "*" || inside.len() == 1, "{path:?} publishes {}::{}: not found", other.from, other.name);
        found.extend(inside.into_iter().filter(|kind| meant(&kind.name)));
    }
    found
}

/// The modules on users' paths.
fn public_modules<'m>(modules: &'m Modules, path: &str, found: &mut BTreeMap<String, &'m Module>) {
    found.insert(path.to_owned(), &modules[path]);
    for (name, _) in modules[path].children.iter().filter(|(_, public)| *public) {
        public_modules(modules, &joined(path, name), found);
    }
}

/// Whether there is Rust in it that is compiled.
fn has_example(documentation: &[String]) -> bool {
    let mut fences = documentation.iter().filter_map(|line| line.strip_prefix("```"));
    // Every second one is an end.
    std::iter::from_fn(|| {
        let begin = fences.next();
        fences.next();
        begin
    })
    .any(|kind| ["", "rust", "no_run"].contains(&kind))
}

/// The type in whose example this one says that it stands.
fn reference(documentation: &[String]) -> Option<&str> {
    documentation.iter().find_map(|line| line.strip_prefix("See the example of [`")?.strip_suffix("`]."))
}

#[test]
fn every_public_type_and_module_has_an_example() {
    let modules = library();
    let mut public = BTreeMap::new();
    public_modules(&modules, "", &mut public);
    let families = public[FAMILIES].documentation.join("\n");
    let mut lacking = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (path, module) in &public {
        let excepted = PROSE.iter().any(|(prose, _)| prose == path);
        if has_example(&module.documentation) == excepted {
            lacking.insert(if excepted { format!("{path}: no exception any more") } else { format!("mod {path}") });
        }
        let all = types(&modules, path, "*");
        for kind in all.iter().filter(|kind| !kind.hidden) {
            seen.insert(joined(path, &kind.name));
            let named = reference(&kind.documentation)
                .is_some_and(|other| all.iter().any(|kind| kind.name == other && has_example(&kind.documentation)));
            let of_a_family = path == FAMILIES && families.contains(&format!("[`{}`]", kind.name));
            if !has_example(&kind.documentation) && !named && !of_a_family {
                lacking.insert(joined(path, &kind.name));
            }
        }
    }
    lacking.retain(|name| !WITHOUT.iter().any(|known| name == known));
    assert!(lacking.is_empty(), "no example of {lacking:#?}");
    // The search finds what is there: types of every kind of declaration, at the paths that users write.
    for path in
        ["Var", "Result", "Point", "num::Float", "nn::ParamKey", "nn::Activation", "explain::draw::Rect", "ops::Sin"]
    {
        assert!(seen.contains(path), "{path} is not found");
    }
    assert!(public.len() > 25 && seen.len() > 300, "{} modules and {} types are found", public.len(), seen.len());
    assert!(!seen.iter().any(|path| path.contains("UnaryOp") || path.contains("Sealed")), "what is hidden is found");
}

#[test]
fn every_elementwise_op_stands_with_its_family() {
    let families = library()[FAMILIES].documentation.join("\n");
    let registry = include_str!("../../src/num/elementwise/registry.rs");
    let ops: BTreeSet<&str> = registry.lines().filter_map(|line| line.split_once("=> ")?.1.strip_suffix(';')).collect();
    assert!(ops.len() > 80, "{} ops are found", ops.len());
    let lacking: Vec<_> = ops.iter().filter(|op| !families.contains(&format!("[`{op}`]"))).collect();
    assert!(lacking.is_empty(), "the families in `ops` do not name {lacking:?}");
}
