//! The binary: everything is in the library.

fn main() -> std::process::ExitCode {
    infrakt::cli::main()
}
