//! Which crate may use which: from `cargo metadata`, so nothing escapes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::tree::{none, root};

/// The allowed arrows between crates, by their folders; a crate may use fewer.
const ARROWS: &[(&str, &[&str])] = &[
    ("core/model", &[]),
    ("core/expression", &[]),
    ("core/ami", &[]),
    ("core/sip", &[]),
    ("core/media", &[]),
    ("core/switch", &["core/sip", "core/media"]),
    ("core/normalize", &["core/model", "core/ami", "core/sip", "core/switch"]),
    ("core/acd", &["core/model", "core/expression"]),
    ("core/whatif", &["core/acd", "core/model"]),
    ("core/wire", &["core/model"]),
    ("core/report", &["core/model"]),
    ("edge/config", &["core/model"]),
    ("edge/disk", &[]),
    ("edge/journal", &["core/model", "edge/disk"]),
    ("edge/egress", &[]),
    ("edge/customers", &["core/wire", "edge/disk", "edge/egress"]),
    ("edge/publish", &["edge/journal", "edge/egress", "core/wire", "core/expression"]),
    ("edge/http", &["edge/publish", "core/wire", "edge/config"]),
    ("sim", &["core/model", "core/ami", "core/normalize", "core/acd", "core/wire", "edge/journal"]),
    (
        "hookswitch",
        &[
            "core/model",
            "core/expression",
            "core/ami",
            "core/switch",
            "core/sip",
            "core/media",
            "core/normalize",
            "core/acd",
            "core/whatif",
            "core/wire",
            "core/report",
            "edge/config",
            "edge/disk",
            "edge/journal",
            "edge/customers",
            "edge/publish",
            "edge/egress",
            "edge/http",
            "sim",
        ],
    ),
];

/// What does I/O, or reads clocks or randomness: nothing of the core may use it.
const IMPURE: [&str; 9] =
    ["tokio", "axum", "hyper", "reqwest", "rand", "getrandom", "sled", "chrono", "tracing-subscriber"];

struct Crate {
    /// From `crates`, for example `core/model`.
    folder: String,
    manifest: String,
    /// Names of what it depends on, tests of its own apart.
    uses: BTreeSet<String>,
}

fn crates() -> BTreeMap<String, Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages is a list");
    packages.iter().map(read_package).collect()
}

fn read_package(package: &Value) -> (String, Crate) {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let manifest = text(&package["manifest_path"]);
    let folder =
        Path::new(&manifest).parent().and_then(|p| p.strip_prefix(root()).ok()).unwrap_or(Path::new(""));
    let folder = folder.strip_prefix("crates").unwrap_or(folder).display().to_string();
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let shipped = dependencies.filter(|dependency| dependency["kind"] != "dev");
    let uses = shipped.map(|dependency| text(&dependency["name"])).collect();
    (text(&package["name"]), Crate { folder, manifest, uses })
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let crates = crates();
    let mut wrong = Vec::new();
    for member in crates.values().filter(|member| member.folder != "tests") {
        let Some((_, allowed)) = ARROWS.iter().find(|(folder, _)| *folder == member.folder) else {
            wrong.push(format!("{} is not in the architecture", member.folder));
            continue;
        };
        let used = member.uses.iter().filter_map(|name| crates.get(name));
        let forbidden = used.filter(|used| !allowed.contains(&used.folder.as_str()));
        wrong.extend(forbidden.map(|used| format!("{} → {}", member.folder, used.folder)));
    }
    none("arrows that are not allowed", &wrong);
}

#[test]
fn core_uses_nothing_that_touches_the_world() {
    let crates = crates();
    let core = crates.values().filter(|member| member.folder.starts_with("core/"));
    let wrong: Vec<_> = core
        .flat_map(|member| {
            let impure = member.uses.iter().filter(|name| IMPURE.contains(&name.as_str()));
            impure.map(|name| format!("{} uses {name}", member.folder))
        })
        .collect();
    none("the core must stay pure", &wrong);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let lacks = |member: &&Crate| {
        let manifest = fs::read_to_string(&member.manifest).expect("a manifest can be read");
        !manifest.replace(' ', "").contains("[lints]\nworkspace=true")
    };
    let crates = crates();
    let wrong: Vec<_> = crates.values().filter(lacks).map(|member| member.manifest.clone()).collect();
    none("without `[lints] workspace = true`", &wrong);
}

#[test]
fn map_of_the_crates_names_each_with_its_arrows() {
    let map = fs::read_to_string(root().join("crates/README.md")).expect("crates/README.md is the map");
    let mut wrong = Vec::new();
    for member in crates().values().filter(|member| member.folder != "tests") {
        let head = format!("| [`{0}`]({0}) |", member.folder);
        let Some(row) = map.lines().find(|line| line.starts_with(&head)) else {
            wrong.push(format!("no row for {}", member.folder));
            continue;
        };
        let may_use = row.trim_end_matches('|').rsplit('|').next().unwrap_or("").trim();
        let named: BTreeSet<_> = may_use.split(['`', ',', ' ']).filter(|word| !word.is_empty()).collect();
        let allowed =
            ARROWS.iter().find(|(folder, _)| *folder == member.folder).map_or(&[][..], |(_, to)| to);
        let covered = |folder: &str| {
            let short = folder.rsplit('/').next().unwrap_or(folder);
            named.contains("all")
                || named.contains(short)
                || (named.contains("core/*") && folder.starts_with("core/"))
        };
        let missing = allowed.iter().filter(|folder| !covered(folder));
        wrong.extend(missing.map(|folder| format!("the row of {} does not say {folder}", member.folder)));
        if allowed.is_empty() && may_use != "–" {
            wrong.push(format!("the row of {} says {may_use}, but it may use nothing", member.folder));
        }
    }
    none("crates/README.md and the arrows differ", &wrong);
}
