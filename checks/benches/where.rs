//! What `cargo bench` says in the top directory.

fn main() {
    println!("'make bench' times the two libraries: see checks/benches.");
}
