//! Lists what Node built under `web/dist`, so that it can be embedded. Without it the daemon builds as well and says
//! what is missing where it is asked for.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let dist = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut table = String::from("&[\n");
    for (number, file) in files(&dist)?.into_iter().enumerate() {
        println!("cargo::rerun-if-changed={}", file.display());
        if let Some(name) = file.strip_prefix(&dist).ok().and_then(Path::to_str) {
            // A copy: pages that are built anew in the meantime have other names.
            let copy = out.join(number.to_string());
            fs::copy(&file, &copy)?;
            table.push_str(&format!("    ({name:?}, include_bytes!({:?})),\n", copy.display().to_string()));
        }
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)
}

/// All files of a folder, in order; none where there is no such folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        entries.sort();
        for entry in entries {
            if entry.is_dir() {
                found.extend(files(&entry)?);
            } else if entry.file_name().is_some_and(|name| name != ".gitkeep") {
                found.push(entry);
            }
        }
    }
    Ok(found)
}
