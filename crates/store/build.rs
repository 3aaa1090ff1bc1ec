//! The migrations are embedded by a macro, which Cargo can't see into.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
