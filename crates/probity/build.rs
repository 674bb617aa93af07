//! Lists the catalogue's files, so that the binary carries them.

use std::{env, fmt::Write as _, fs, path::PathBuf};

#[expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a build script stops the build with a message"
)]
fn main() {
    let catalog = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../catalog");
    println!("cargo::rerun-if-changed={}", catalog.display());
    let mut stems: Vec<String> = fs::read_dir(&catalog)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    stems.sort();
    let mut list = String::from("&[\n");
    for stem in stems {
        let path = catalog.join(format!("{stem}.toml")).canonicalize().unwrap();
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(list, "    ({stem:?}, include_str!({:?})),", path.display().to_string()).unwrap();
    }
    list.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").unwrap()).join("catalog.rs");
    fs::write(out, list).unwrap();
}
