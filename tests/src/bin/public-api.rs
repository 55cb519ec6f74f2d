//! Lists what a crate shows to those who use it, from rustdoc's JSON. It must not judge any of it.

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).context("usage: public-api FILE.json")?;
    let api = public_api::Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()?;
    for item in api.items() {
        println!("{item}");
    }
    Ok(())
}
