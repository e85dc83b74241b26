//! The `popfetch` program.

fn main() -> std::process::ExitCode {
    popfetch::cli::main()
}
