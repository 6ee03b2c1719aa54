//! New schemas and examples must reach the program that embeds them.

fn main() {
    println!("cargo:rerun-if-changed=avro");
    println!("cargo:rerun-if-changed=examples");
}
