//! New migration files must reach the program that embeds them.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
